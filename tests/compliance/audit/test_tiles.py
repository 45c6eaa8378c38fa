import secrets
import shutil
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.audit import merkle, tiles
from compliance.audit.files import LogFolder
from compliance.audit.tiles import Builder, TileInvalid
from compliance.audit.tree import Tree


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, "000"), (67, "067"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")],
)
def test_numbers_are_written_in_groups_of_three(number, path):
    assert tiles.number_path(number) == path


def test_paths_are_those_of_the_specification():
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(1, 0, 12) == "tile/1/000.p/12"
    assert tiles.entries_path(5, 255) == "tile/entries/005.p/255"
    with pytest.raises(TileInvalid):
        tiles.tile_path(0, 0, 257)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_holds_its_entries(entries):
    assert list(tiles.entries_in(tiles.bundle(entries))) == entries


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=20), st.data())
def test_a_bundle_that_was_cut_is_refused_or_has_fewer_entries(entries, data):
    whole = tiles.bundle(entries)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with suppress(TileInvalid):
        found = list(tiles.entries_in(cut))
        assert found == entries[: len(found)]


def test_an_entry_that_is_too_long_is_refused():
    with pytest.raises(TileInvalid, match="65535"):
        tiles.bundle([bytes(65_536)])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 1_100), st.data())
def test_the_tree_read_back_from_files_is_the_tree(tmp_path, size, data):
    """Its root at any size, its proofs, and its entries; also where partial tiles have gone."""
    builder, entries = Builder(), [b"%d" % n for n in range(size)]
    seen = data.draw(st.integers(0, size))
    folder = tmp_path / secrets.token_hex(8)
    for count, entry in enumerate(entries, start=1):
        found = builder.append(entry)
        for file in [*found, *(builder.partials() if count in (seen, size) else ())]:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            if not file.partial:
                shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    tree = Tree(LogFolder(folder), size)
    assert tree.root() == merkle.root(leaves)
    assert tree.root(seen) == merkle.root(leaves[:seen])
    if seen:
        index, older = seen - 1, Tree(LogFolder(folder), seen)
        assert older.root() == merkle.root(leaves[:seen])
        assert tree.entry(index) == older.entry(index) == entries[index]
        path = tree.inclusion(index)
        merkle.verify_inclusion(leaves[index], index, size, path, tree.root())
        proof = tree.consistency(seen)
        merkle.verify_consistency(seen, size, older.root(), tree.root(), proof)


@given(st.integers(0, 700), st.integers(0, 700))
def test_a_builder_that_goes_on_from_its_tiles_is_the_one_that_never_stopped(size, more):
    entries = [b"%d" % n for n in range(size + more)]
    whole = Builder()
    files = [file for entry in entries[:size] for file in whole.append(entry)]
    begin = size - size % 256
    levels = [(), *whole.levels[1:]]
    resumed = Builder(levels, begin)
    again = [file for entry in entries[begin:] for file in resumed.append(entry)]
    files += [file for entry in entries[size:] for file in whole.append(entry)]
    assert again == files[len(files) - len(again) :]
    assert list(resumed.partials()) == list(whole.partials())
    assert resumed.root() == whole.root()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0, 1, 255, 256, 257, 511, 65_535, 65_536, 65_792, 70_000]))
def test_tiles_hold_the_tree(size):
    """From the files alone: the leaf hashes, every level above them, and the root."""
    builder = Builder()
    files: dict[str, bytes] = {}
    entries = [b"%d" % n for n in range(size)]
    for entry in entries:
        files |= {file.path: file.data for file in builder.append(entry)}
    files |= {file.path: file.data for file in builder.partials()}
    level, hashes = 0, [merkle.leaf_hash(entry) for entry in entries]
    assert builder.root() == merkle.root(hashes)
    while hashes:
        for number in range(-(-len(hashes) // 256)):
            part = hashes[number * 256 : number * 256 + 256]
            assert files.pop(tiles.tile_path(level, number, len(part))) == b"".join(part)
            if level == 0:
                bundled = files.pop(tiles.entries_path(number, len(part)))
                assert list(tiles.entries_in(bundled)) == entries[number * 256 :][: len(part)]
        full = len(hashes) // 256
        hashes = [merkle.root(hashes[n * 256 : n * 256 + 256]) for n in range(full)]
        level += 1
    assert files == {}
