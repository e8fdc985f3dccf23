import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.errors import ProofError, UsageError
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.proofs import check_consistency, check_inclusion, prove_consistency, prove_inclusion
from affidavit.tlog.tree import Frontier

HASH = st.binary(min_size=32, max_size=32)


def test_every_leaf_is_proven_in_every_tree_with_one_read(leaves, root_of, reader_of):
    for size in range(1, 34):
        root = root_of(leaves[:size])
        for index in range(size):
            reader = reader_of(leaves[:size])
            proof = prove_inclusion(reader, index=index, size=size)
            check_inclusion(index=index, size=size, leaf=leaves[index], proof=proof, root=root)
            assert reader.reads <= 1


def test_every_tree_is_proven_to_extend_every_smaller_one_with_one_read(leaves, root_of, reader_of):
    roots = [root_of(leaves[:size]) for size in range(34)]
    for size2 in range(1, 34):
        for size1 in range(1, size2 + 1):
            reader = reader_of(leaves[:size2])
            proof = prove_consistency(reader, size1=size1, size2=size2)
            check_consistency(size1=size1, size2=size2, proof=proof, root1=roots[size1], root2=roots[size2])
            assert reader.reads <= 1


def test_no_leaf_is_proven_at_another_place(leaves, root_of, reader_of):
    size = 13
    root = root_of(leaves[:size])
    for index in range(size):
        proof = prove_inclusion(reader_of(leaves), index=index, size=size)
        for other in range(-1, size + 2):
            if other != index:
                with pytest.raises(ProofError):
                    check_inclusion(index=other, size=size, leaf=leaves[index], proof=proof, root=root)


def test_a_proof_that_is_changed_cut_or_lengthened_does_not_hold(leaves, root_of, reader_of):
    size = 21
    root = root_of(leaves[:size])
    for index in (0, 7, 16, 20):
        proof = prove_inclusion(reader_of(leaves), index=index, size=size)
        for part, digest in enumerate(proof):
            for wrong in (
                [*proof[:part], bytes([digest[0] ^ 1]) + digest[1:], *proof[part + 1 :]],
                [*proof[:part], *proof[part + 1 :]],
                [*proof[:part], digest, *proof[part:]],
                [*proof[:part], digest[:31], *proof[part + 1 :]],
            ):
                with pytest.raises(ProofError):
                    check_inclusion(index=index, size=size, leaf=leaves[index], proof=wrong, root=root)


def test_a_forked_tree_is_never_consistent(leaves, root_of, reader_of):
    forked = [*leaves[:5], leaf_hash(b"another"), *leaves[6:]]
    for size2 in range(7, 20):
        proof = prove_consistency(reader_of(forked), size1=6, size2=size2)
        with pytest.raises(ProofError):
            check_consistency(
                size1=6, size2=size2, proof=proof, root1=root_of(leaves[:6]), root2=root_of(forked[:size2])
            )


@given(st.integers(0, 40), st.integers(0, 40), st.lists(HASH, max_size=7), HASH, HASH)
def test_invented_consistency_proofs_do_not_hold(size1, size2, proof, root1, root2):
    if size1 == size2 and root1 == root2:
        return
    with pytest.raises(ProofError):
        check_consistency(size1=size1, size2=size2, proof=proof, root1=root1, root2=root2)


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.lists(HASH, max_size=64), HASH, HASH)
def test_invented_inclusion_proofs_do_not_hold(index, size, proof, leaf, root):
    if leaf != root:
        with pytest.raises(ProofError):
            check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)


def test_nothing_is_shown_from_the_empty_tree(leaves):
    edge = Frontier()
    empty = edge.root()
    edge.append(leaves[0])
    check_consistency(size1=0, size2=0, proof=[], root1=empty, root2=empty)
    with pytest.raises(ProofError):
        check_consistency(size1=0, size2=1, proof=[], root1=empty, root2=edge.root())


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_path_of_a_leaf_that_is_not_there(leaves, reader_of, index, size):
    with pytest.raises(UsageError):
        prove_inclusion(reader_of(leaves), index=index, size=size)


@pytest.mark.parametrize(("size1", "size2"), [(0, 3), (4, 3), (-1, 2)])
def test_there_is_no_proof_backwards(leaves, reader_of, size1, size2):
    with pytest.raises(UsageError):
        prove_consistency(reader_of(leaves), size1=size1, size2=size2)
