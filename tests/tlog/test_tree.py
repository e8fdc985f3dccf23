from affidavit.tlog.tree import Frontier, cover, root


def test_the_frontier_has_the_root_of_the_definition_at_every_size(leaves, root_of, reader_of):
    edge = Frontier()
    for size in range(len(leaves) + 1):
        assert edge.root() == root_of(leaves[:size]) == root(reader_of(leaves[:size]), size)
        if size < len(leaves):
            edge.append(leaves[size])


def test_appending_completes_each_node_once_with_its_hash(leaves, reader_of):
    edge = Frontier()
    completed = [pair for leaf in leaves for pair in edge.append(leaf)]
    names = [node for node, _ in completed]
    assert len(names) == len(set(names))
    assert set(names) == {(level, index) for level in range(1, 7) for index in range(len(leaves) >> level)}
    assert [digest for _, digest in completed] == reader_of(leaves).read(names)


def test_a_frontier_goes_on_from_its_peaks(leaves, reader_of):
    for size in range(len(leaves)):
        edge, whole = Frontier(size, reader_of(leaves).read(cover(0, size))), Frontier()
        for leaf in leaves[:size]:
            whole.append(leaf)
        assert edge.append(leaves[size]) == whole.append(leaves[size])
        assert edge.root() == whole.root()


def test_a_copy_grows_alone(leaves):
    edge = Frontier()
    edge.append(leaves[0])
    before = edge.root()
    edge.copy().append(leaves[1])
    assert (edge.size, edge.root()) == (1, before)
