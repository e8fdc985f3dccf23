"""A measure of somebody else's is used only if it keeps the contract; each part of it has one that breaks it."""

import math
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from affidavit.errors import ConfigurationError
from affidavit.measure import Estimate, cannot
from affidavit.measure.custom import GROUP, conformance, loaded


class CostOfErrors:
    """What a row costs on average, if a missed positive costs five times a false alarm."""

    name = "cost_of_errors"
    tasks = ("binary",)
    better = "lower"

    def estimate(self, rows):
        if not len(rows.label):
            return cannot(self.name, "no rows")
        cost = np.where(rows.label > rows.decision, 5.0, 1.0) * (rows.label != rows.decision)
        return Estimate(self.name, float(np.average(cost, weights=rows.weight)), len(cost))


class NamedInCapitals(CostOfErrors):
    name = "Cost of errors"


class OfAnotherTask(CostOfErrors):
    tasks = ("ranking",)


class NeitherBetter(CostOfErrors):
    better = "bigger"


class Raising(CostOfErrors):
    def estimate(self, rows):
        return Estimate(self.name, float(rows.label[0]), len(rows.label))


class NotANumber(CostOfErrors):
    def estimate(self, rows):
        return Estimate(self.name, math.nan, len(rows.label))


class AValueOfNothing(CostOfErrors):
    def estimate(self, rows):
        return Estimate(self.name, 0.0, 0) if not len(rows.label) else super().estimate(rows)


class Bare(CostOfErrors):
    def estimate(self, rows):
        return 0.5


class Changing(CostOfErrors):
    def estimate(self, rows):
        found = super().estimate(rows)
        rows.weight[:] = 1
        return found


class OfOrder(CostOfErrors):
    def estimate(self, rows):
        found = super().estimate(rows)
        return found if found.value is None else Estimate(self.name, float(rows.label[0]), found.n)


class Remembering(CostOfErrors):
    calls = 0

    def estimate(self, rows):
        self.calls += 1
        found = super().estimate(rows)
        return found if found.value is None else Estimate(self.name, float(self.calls), found.n)


class UnderAnotherName(CostOfErrors):
    def estimate(self, rows):
        return cannot("cost", "no rows")


class MoreRows(CostOfErrors):
    def estimate(self, rows):
        return cannot(self.name, "no rows", n=len(rows.label) + 1)


BREACHES = {
    NamedInCapitals: "its name is not lower-case words joined by underscores",
    OfAnotherTask: "its tasks are not a tuple of binary, multiclass, regression",
    NeitherBetter: "better is neither 'higher' nor 'lower'",
    Raising: "of an empty table it raises IndexError, where it should say why it cannot be judged",
    NotANumber: "of one row it raises ValueError, where it should say why it cannot be judged",
    AValueOfNothing: "of an empty table it gives a value",
    Bare: "it does not give an Estimate",
    Changing: "it changes the rows that it is given",
    OfOrder: "the order of rows matters",
    Remembering: "the same rows give another estimate the second time",
    UnderAnotherName: "its estimate carries another name",
    MoreRows: "its estimate rests on more rows than there are",
}


def test_a_measure_that_keeps_the_contract_is_found_by_its_name():
    assert conformance(CostOfErrors()) == []
    assert loaded(Loaded(CostOfErrors())).better == "lower"


class Loaded:
    """An entry point as far as it is asked: tests are no installed distribution."""

    def __init__(self, measure):
        self.name, self.measure = "cost_of_errors", measure

    def load(self):
        if isinstance(self.measure, Exception):
            raise self.measure
        return self.measure


@pytest.mark.parametrize("broken", BREACHES)
def test_each_breach_is_said_in_a_sentence_and_refused(broken):
    assert BREACHES[broken] in conformance(broken())
    with pytest.raises(ConfigurationError, match=r"entry point 'cost_of_errors' of affidavit\.measures: "):
        loaded(Loaded(broken()))


class WithAnotherName(CostOfErrors):
    name = "cost"


def test_a_missing_method_another_name_and_what_cannot_be_loaded_are_refused():
    assert "it has no method estimate(rows)" in conformance(object())
    with pytest.raises(ConfigurationError, match="the measure calls itself 'cost'"):
        loaded(Loaded(WithAnotherName()))
    with pytest.raises(ConfigurationError, match=r"cannot be loaded \(ModuleNotFoundError\)"):
        loaded(EntryPoint("gone", "no_such_module_of_anyone:measure", GROUP))
