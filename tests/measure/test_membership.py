import numpy as np
from sklearn.metrics import roc_auc_score

from affidavit.measure.membership import membership_inference
from tests.measure.models import honest, mortgages, overfit, score, split


def attack(model, members, others, seed=1):
    return membership_inference(score(model), members=members, others=others, seed=seed)


def test_a_model_that_remembers_its_rows_is_found_and_one_that_cannot_is_not():
    members, others = split(*mortgages()[:2])
    area, advantage = attack(overfit(*members), members, others)
    assert area.low > 0.6
    assert advantage.low > 0.1
    area, advantage = attack(honest(*members), members, others)
    assert area.low < 0.5 < area.high < 0.55
    assert advantage.low < 0 < advantage.high


def test_an_honest_model_is_seldom_accused():
    accused = 0
    for seed in range(12):
        members, others = split(*mortgages()[:2], seed=seed)
        accused += attack(honest(*members), members, others)[0].low > 0.5
    assert accused <= 2


def test_the_area_is_that_of_scikit_learn_over_the_confidence_in_the_true_label():
    members, others = split(*mortgages()[:2])
    model = overfit(*members)
    found = attack(model, members, others)[0]
    confidence = [np.where(label, (p := score(model)(table)), 1 - p) for table, label in (members, others)]
    truth = np.repeat([1, 0], [len(each) for each in confidence])
    assert abs(found.value - roc_auc_score(truth, np.concatenate(confidence))) < 1e-12


def test_too_few_rows_and_a_constant_model_are_not_judged():
    members, others = split(*mortgages()[:2])
    few = {name: column[:59] for name, column in members[0].items()}, members[1][:59]
    for each in membership_inference(lambda rows: [0.5] * len(rows["lvr"]), members=few, others=others, seed=1):
        assert "too few: 59 rows" in each.why
    for each in membership_inference(lambda rows: [0.5] * len(rows["lvr"]), members=members, others=others, seed=1):
        assert each.why == "every row has the same confidence"
