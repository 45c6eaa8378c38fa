"""Evidence changed at random: none of it is accepted."""

import random

import pytest

from compliance.evidence import verify
from tests.chaos import plan
from tests.compliance.evidence.packing import check, contents, pack, resign

PARTS, MANY = 16, 3_200  # so 51,200 with the old signature and as many signed anew

# What the holder of the log's key may write as they like; below for applications.json.
SAYS_ITSELF = {"applications.json", "hints", "manifest.json", "manifest.sig"}


def mutate(random, data):
    data = bytearray(data)
    kind = random.randrange(5)
    at = random.randrange(len(data))
    if kind == 0:
        data[at] ^= 1 << random.randrange(8)
    elif kind == 1:
        del data[at : at + random.choice([1, 2, 32, 300])]
    elif kind == 2:
        data[at:at] = data[at : at + random.choice([1, 2, 32, 300])] or b"x"
    elif kind == 3:
        lines = bytes(data).splitlines(keepends=True)
        one, other = random.randrange(len(lines)), random.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        data = bytearray(b"".join(lines))
    else:
        data[at] = random.randrange(256)
    return bytes(data)


def exchange(chance, original, others):
    """A whole line, or a whole file, where evidence of other entries has another."""
    name = chance.choice(sorted(set(original) & set(others) & verify.JUDGED))
    if not (original[name] and others[name]):
        return name, original[name]
    mine, theirs = (one[name].splitlines(keepends=True) for one in (original, others))
    at, other = chance.randrange(len(mine)), chance.randrange(len(theirs))
    return name, chance.choice(
        (
            others[name],
            b"".join([*mine[:at], *mine[at + 1 :]]),
            b"".join([*mine[:at], mine[at], *mine[at:]]),
            b"".join([*mine[:at], theirs[other], *mine[at:]]),
            b"".join([*mine[:at], theirs[other], *mine[at + 1 :]]),
            b"".join(mine[:at]),
        )
    )


def none_accepted(path, other, tmp_path, seed, count, *, signed):
    chance = random.Random(seed)
    original, others = contents(path), contents(other)
    names = sorted(original)
    tried = 0
    while tried < count:
        if chance.randrange(3) == 0:
            name, data = exchange(chance, original, others)
        else:
            name = chance.choice(names)
            data = mutate(chance, original[name]) if original[name] else b""
        if data == original[name]:
            continue
        if signed and (name in SAYS_ITSELF or name not in verify.JUDGED):
            continue
        files = original | {name: data}
        tried += 1
        packed = pack(tmp_path / "mutant.zip", resign(files) if signed else files)
        sound, words = check(packed)
        assert not sound, f"seed {seed}, mutant {tried} of {name} was accepted\n{words}"


@pytest.mark.parametrize("signed", [False, True])
def test_no_mutant_is_accepted(evidence, tmp_path, signed):
    other = evidence("230", "275", "mail")
    for application, seed in (("crm", 1), (None, 2)):
        path = evidence("250", "262", *([application] if application else []))
        none_accepted(path, other, tmp_path, seed, 100, signed=signed)


@pytest.mark.soak
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.timeout(3600)
def test_no_mutant_is_accepted_in_the_long_run(evidence, tmp_path, part, signed):
    seed = plan.fresh_seed() + part
    print(f"\nDOMICILE_SEED={seed - part}")  # noqa: T201 - it replays the run
    path, other = evidence("250", "262", "crm"), evidence("230", "275", "mail")
    none_accepted(path, other, tmp_path, seed, MANY, signed=signed)


def test_a_zip_whose_raw_bytes_were_changed_is_sound_only_if_it_holds_the_same(
    evidence, tmp_path
):
    path = evidence("250", "262")
    original, raw, chance = contents(path), path.read_bytes(), random.Random(3)
    mutant = tmp_path / "raw.zip"
    for _ in range(150):
        mutant.write_bytes(mutate(chance, raw))
        if check(mutant)[0]:
            assert contents(mutant) == original
