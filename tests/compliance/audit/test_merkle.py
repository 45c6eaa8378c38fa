import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit import merkle
from compliance.audit.merkle import Edge, ProofInvalid

# The tree of the Certificate Transparency project's test data, used by every implementation.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def hashes(count):
    return [merkle.leaf_hash(b"%d" % n) for n in range(count)]


def naive_root(leaves):
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(leaves)
    return merkle.node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def split(leaves):
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return k


def naive_path(index, leaves):
    """PATH(m, D[n]) of RFC 6962, 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = split(leaves)
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(old, leaves, whole=True):
    """SUBPROOF(m, D[n], b) of RFC 6962, 2.1.2, word for word."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(leaves)
    if old <= k:
        return [*naive_proof(old, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_proof(old - k, leaves[k:], False), naive_root(leaves[:k])]


def subtrees(leaves):
    return lambda index, height: naive_root(leaves[index << height : (index + 1) << height])


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_known_ones(size):
    assert merkle.root(map(merkle.leaf_hash, LEAVES[:size])).hex() == ROOTS[size - 1]


def test_an_inclusion_proof_is_the_known_one():
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    proof = merkle.inclusion_proof(5, 8, subtrees(leaves))
    assert [value.hex() for value in proof] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_a_consistency_proof_is_the_known_one():
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    proof = merkle.consistency_proof(6, 8, subtrees(leaves))
    assert [value.hex() for value in proof] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.integers(0, 300))
def test_a_growing_edge_has_the_root_of_the_whole(size):
    edge = Edge()
    for leaf in hashes(size):
        edge.append(leaf)
    assert edge.root() == naive_root(hashes(size))


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_range_is_covered_by_few_perfect_subtrees(one, other):
    start, end = sorted((one, other))
    covered = merkle.cover(start, end)
    leaves = [
        n for index, height in covered for n in range(index << height, (index + 1) << height)
    ]
    assert leaves == list(range(start, end))
    assert len(covered) <= 2 * max(1, end.bit_length())


@given(st.integers(1, 130), st.data())
def test_every_entry_is_included_and_nothing_else_is(size, data):
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    root = naive_root(leaves)
    proof = merkle.inclusion_proof(index, size, subtrees(leaves))
    merkle.verify_inclusion(leaves[index], index, size, proof, root)
    other = data.draw(st.integers(0, size))
    if other != index:
        with pytest.raises(ProofInvalid):
            merkle.verify_inclusion(leaves[index], other, size, proof, root)
    refused(data, proof, lambda p: merkle.verify_inclusion(leaves[index], index, size, p, root))


@given(st.integers(1, 130), st.data())
def test_every_tree_grows_from_every_smaller_one_and_from_nothing_else(size, data):
    leaves = hashes(size)
    old = data.draw(st.integers(1, size))
    before, after = naive_root(leaves[:old]), naive_root(leaves)
    proof = merkle.consistency_proof(old, size, subtrees(leaves))
    merkle.verify_consistency(old, size, before, after, proof)
    if old < size:
        with pytest.raises(ProofInvalid):
            merkle.verify_consistency(old, size, bytes(32), after, proof)
        with pytest.raises(ProofInvalid):
            merkle.verify_consistency(old, size, before, bytes(32), proof)
    refused(data, proof, lambda p: merkle.verify_consistency(old, size, before, after, p))


@pytest.mark.parametrize("size", range(1, 35))
def test_every_proof_of_every_small_tree_is_the_one_of_the_rfc_and_verifies(size):
    leaves = hashes(size)
    root, part = naive_root(leaves), subtrees(leaves)
    for index in range(size):
        path = merkle.inclusion_proof(index, size, part)
        assert path == naive_path(index, leaves)
        merkle.verify_inclusion(leaves[index], index, size, path, root)
    for old in range(1, size + 1):
        proof = merkle.consistency_proof(old, size, part)
        assert proof == naive_proof(old, leaves)
        merkle.verify_consistency(old, size, naive_root(leaves[:old]), root, proof)


@given(st.integers(1, 700), st.data())
def test_proofs_of_larger_trees_are_those_of_the_rfc(size, data):
    leaves, numbers = hashes(size), st.integers(1, size)
    index, old = data.draw(numbers) - 1, data.draw(numbers)
    part = subtrees(leaves)
    assert merkle.inclusion_proof(index, size, part) == naive_path(index, leaves)
    assert merkle.consistency_proof(old, size, part) == naive_proof(old, leaves)


@given(st.lists(st.integers(1, 90), max_size=8))
def test_a_tree_that_grew_in_batches_is_the_one_that_grew_leaf_by_leaf(batches):
    """A batch is appended as the fewest perfect subtrees that cover it."""
    leaves, edge = hashes(sum(batches)), Edge()
    for batch in batches:
        for index, height in merkle.cover(edge.size, edge.size + batch):
            edge.append_subtree(subtrees(leaves)(index, height), height)
    single = Edge()
    for leaf in leaves:
        single.append(leaf)
    assert (edge.size, edge.subtrees) == (single.size, single.subtrees)
    assert edge.root() == naive_root(leaves)


@given(st.integers(1, 90), st.integers(1, 90), st.data())
def test_a_tree_with_another_leaf_did_not_grow_from_the_old_one(old, more, data):
    """Not even with the proof that the changed tree itself would give."""
    leaves = hashes(old + more)
    forged = list(leaves)
    forged[data.draw(st.integers(0, old - 1))] = merkle.leaf_hash(b"another")
    proof = merkle.consistency_proof(old, old + more, subtrees(forged))
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(
            old, old + more, naive_root(leaves[:old]), naive_root(forged), proof
        )


def refused(data, proof, verify):
    """No change of a proof is accepted."""
    longer = [*proof, bytes(32)]
    with pytest.raises(ProofInvalid):
        verify(longer)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        for changed in (
            proof[:at] + proof[at + 1 :],
            [*proof[:at], bytes(32), *proof[at + 1 :]],
        ):
            with pytest.raises(ProofInvalid):
                verify(changed)


def test_an_edge_of_the_wrong_length_is_refused():
    with pytest.raises(ProofInvalid, match="has 2 subtrees"):
        Edge(5, [bytes(32)])
    with pytest.raises(ProofInvalid, match="cannot begin at 1"):
        Edge(1, [bytes(32)]).append_subtree(bytes(32), 1)
