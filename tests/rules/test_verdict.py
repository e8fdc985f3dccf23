from itertools import product

from affidavit.rules import WORST_FIRST, Status, worst


def test_every_status_has_its_place():
    assert sorted(WORST_FIRST) == sorted(Status)


def test_failing_beats_everything_and_supported_beats_nothing_that_is_owed():
    assert all(worst([Status.FAILING, other]) is Status.FAILING for other in Status)
    rest = set(Status) - {Status.SUPPORTED, Status.NOT_APPLICABLE}
    assert all(worst([Status.SUPPORTED, other]) is other for other in rest)


def test_order_does_not_matter():
    assert all(worst(pair) is worst(pair[::-1]) for pair in product(Status, repeat=2))


def test_nothing_supports_nothing():
    assert worst([]) is Status.MISSING
