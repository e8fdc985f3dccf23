import functools
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.inventory import loosening
from affidavit.inventory.load import load
from affidavit.inventory.loosening import in_force, inventory_in_force, loosens, organisation_in_force, suite_in_force
from affidavit.inventory.models import Inventory

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_FILE = "include/systems/mortgage-approval.yaml"
TRAIN, SCORED = "datasets.applications-train", "predictions.applications-scored"


@functools.cache
def demo():
    # No fixture, which hypothesis would print whole.
    return load(ROOT / "include", ROOT / "expectations")


def changed(inventory, change):
    """A copy of ``inventory`` after ``change`` edited it as plain data."""
    plain = inventory.model_dump(mode="json")
    change(plain)
    return Inventory.model_validate(plain)


def mortgage(edit):
    return lambda plain: edit(plain["systems"]["mortgage-approval"])


def suite(edit):
    return lambda plain: edit(plain["suites"]["applications"]["expectations"])


def put(*path_and_value):
    *path, key, value = path_and_value

    def edit(plain):
        for step in path:
            plain = plain[step]
        plain[key] = value

    return edit


def expectation(expectations, test):
    return next(e for e in expectations if f"{e['type']}:{e['kwargs'].get('column')}" == test)


UNIQUE, DIR = "expect_column_values_to_be_unique:application_id", "expect_column_values_to_be_between:dir"
PBCR = "expect_column_values_to_be_in_set:pbcr"
ANCHORED = put("organisation", "anchors", [{"id": "heads", "means": "store", "url": "/heads"}])
KEPT = put("organisation", "retention", {"validation": 30})
ORGANISATION_FILE = "include/organisation.yaml"
FURTHER = {"connection": "other", "experiments": ["a", "b"], "registered_models": ["m"]}
TWO_SERVERS = mortgage(put("more_mlflow", [FURTHER]))


def held(**fields):
    hold = {"id": "case-7", "scope": "mortgage-approval", "reason": "A claim.", "since": "2026-03-01", **fields}
    return put("organisation", "legal_holds", [hold])


ROLES = put("organisation", "roles", "ml-lead", "holders", ["p-1", "p-2"])

REQUESTS = {
    "id": "requests",
    "kind": "requests-served",
    "connection": "bank",
    "table": "requests_served",
    "columns": {"request": "id", "at": "served_at"},
    "categories": {"outcome": ["approve", "deny"]},
    "reconcile": {"connection": "bank", "table": "applications_scored", "column": "application_id"},
}
LICENCES = {
    "id": "licences",
    "kind": "licences",
    "file": "registers/licences.csv",
    "columns": {"item": "item", "licence": "licence", "until": "until"},
}
RISKS = {"id": "risks", "kind": "risks", "connection": "grc", "table": "risks"}
ENDPOINT = {"id": "live", "model": "mortgage-approval", "connection": "live", "path": "/v1", "version": "version"}
LIVE = mortgage(put("serving", [ENDPOINT]))
ELSEWHERE = {"request": "other", "at": "served_at"}


def register(**fields):
    return mortgage(put("registers", [REQUESTS | fields]))


def book(**fields):
    return mortgage(put("books", [RISKS | fields]))


def of_organisation(*registers):
    return put("organisation", "registers", list(registers))


def parted(**fields):
    partition = {"column": "month", "token": "version", "rotation": 5, **fields}
    return mortgage(put("datasets", 0, "partition", partition))


PARTED = parted()
MEASURED = {
    "task": "binary",
    "model": "mortgage-approval",
    "version": "model_version",
    "classes": ["no", "yes"],
    "positive": "yes",
    "cut": 0.5,
    "groups": {"black": ["no", "yes"]},
    "thresholds": [{"measure": "roc_auc", "at_least": 0.7}],
}
TOGETHER = {"groups": {"black": ["yes"], "single": ["yes"]}, "together": [["black", "single"]]}
RELEVANT = {"features": ["hir", "dir"], "relevant": ["hir"]}


def more(edit):
    return mortgage(lambda s: edit(s["predictions"][0]["measured"]))


def measured(**fields):
    return mortgage(put("predictions", 0, "measured", MEASURED | fields))


def asked(**fields):
    def edit(plain):
        LIVE(plain)
        measured(**{"features": ["hir"], "key": "id"} | fields)(plain)

    return edit


def first_question(plain):
    LIVE(plain)
    more(lambda m: m.update(endpoint="live", key="id"))(plain)


UNMEASURED = mortgage(put("predictions", 0, "measured", None))

# (name, first state or None, weakening, file, field)
WEAKER = [
    ("risk level", None, mortgage(put("risk_level", "limited")), SYSTEM_FILE, "risk_level"),
    ("schedule", None, mortgage(put("schedule", "@weekly")), SYSTEM_FILE, "schedule"),
    ("weekdays only", None, mortgage(put("schedule", "0 * * * 1-5")), SYSTEM_FILE, "schedule"),
    (
        "fewer ticks in shorter gaps",
        mortgage(put("schedule", "*/10 9-17 * * *")),
        mortgage(put("schedule", "0 */12 * * *")),
        SYSTEM_FILE,
        "schedule",
    ),
    ("owner", None, mortgage(put("owner", "data-owner")), SYSTEM_FILE, "owner"),
    ("role", None, mortgage(put("organisation_role", "user")), SYSTEM_FILE, "organisation_role"),
    ("demonstration", None, mortgage(put("demonstration", None)), SYSTEM_FILE, "demonstration"),
    ("server", None, mortgage(put("mlflow", "connection", "other")), SYSTEM_FILE, "mlflow.connection"),
    ("experiment", None, mortgage(put("mlflow", "experiments", ["x"])), SYSTEM_FILE, "mlflow.experiments"),
    ("model", UNMEASURED, mortgage(put("mlflow", "registered_models", [])), SYSTEM_FILE, "mlflow.registered_models"),
    ("alias", None, mortgage(put("mlflow", "in_use_alias", "live")), SYSTEM_FILE, "mlflow.in_use_alias"),
    ("sweep", None, mortgage(put("mlflow", "sweep", "@monthly")), SYSTEM_FILE, "mlflow.sweep"),
    ("param", None, mortgage(lambda s: s["mlflow"]["allow"]["params"].append("x")), SYSTEM_FILE, "mlflow.allow.params"),
    ("tag", None, mortgage(lambda s: s["mlflow"]["allow"]["tags"].append("x")), SYSTEM_FILE, "mlflow.allow.tags"),
    ("further server", TWO_SERVERS, mortgage(put("more_mlflow", [])), SYSTEM_FILE, "more_mlflow.other"),
    (
        "experiment of a further server",
        TWO_SERVERS,
        mortgage(put("more_mlflow", 0, "experiments", ["a"])),
        SYSTEM_FILE,
        "more_mlflow.other.experiments",
    ),
    (
        "values of a new server",
        None,
        mortgage(put("more_mlflow", [{**FURTHER, "allow": {"params": ["password"]}}])),
        SYSTEM_FILE,
        "more_mlflow.other.allow.params",
    ),
    ("dag", mortgage(put("dags", ["train", "score"])), mortgage(put("dags", ["score"])), SYSTEM_FILE, "dags"),
    ("events", mortgage(put("openlineage", "/a")), mortgage(put("openlineage", "/b")), SYSTEM_FILE, "openlineage"),
    ("no events", mortgage(put("openlineage", "/a")), mortgage(put("openlineage", None)), SYSTEM_FILE, "openlineage"),
    ("dataset", UNMEASURED, mortgage(lambda s: s["datasets"].pop(0)), SYSTEM_FILE, TRAIN),
    ("table", None, mortgage(put("datasets", 0, "table", "x")), SYSTEM_FILE, f"{TRAIN}.table"),
    ("warehouse", None, mortgage(put("datasets", 0, "connection", "x")), SYSTEM_FILE, f"{TRAIN}.connection"),
    ("use", None, mortgage(put("datasets", 0, "use", "reference")), SYSTEM_FILE, f"{TRAIN}.use"),
    ("no time", None, mortgage(put("datasets", 0, "time_column", None)), SYSTEM_FILE, f"{TRAIN}.time_column"),
    ("other time", None, mortgage(put("datasets", 0, "time_column", "x")), SYSTEM_FILE, f"{TRAIN}.time_column"),
    ("examples", None, mortgage(put("datasets", 0, "examples", 1)), SYSTEM_FILE, f"{TRAIN}.examples"),
    ("by parts", None, PARTED, SYSTEM_FILE, f"{TRAIN}.partition"),
    ("other parts", PARTED, parted(column="year"), SYSTEM_FILE, f"{TRAIN}.partition"),
    ("other token", PARTED, parted(token="id"), SYSTEM_FILE, f"{TRAIN}.partition"),
    ("longer rotation", PARTED, parted(rotation=6), SYSTEM_FILE, f"{TRAIN}.partition.rotation"),
    ("suite", None, mortgage(put("datasets", 0, "suite", "samples")), SYSTEM_FILE, f"{TRAIN}.suite"),
    ("prediction", None, mortgage(put("predictions", [])), SYSTEM_FILE, SCORED),
    ("no suite", None, mortgage(put("predictions", 0, "suite", None)), SYSTEM_FILE, f"{SCORED}.suite"),
    ("scored table", None, mortgage(put("predictions", 0, "table", "x")), SYSTEM_FILE, f"{SCORED}.table"),
    ("label", None, mortgage(put("predictions", 0, "label", "x")), SYSTEM_FILE, f"{SCORED}.label"),
    ("score", None, mortgage(put("predictions", 0, "score", "x")), SYSTEM_FILE, f"{SCORED}.score"),
    ("unmeasured", measured(), mortgage(put("predictions", 0, "measured", None)), SYSTEM_FILE, f"{SCORED}.measured"),
    ("group", measured(), measured(groups={}), SYSTEM_FILE, f"{SCORED}.measured.groups"),
    ("value", measured(), measured(groups={"black": ["yes"]}), SYSTEM_FILE, f"{SCORED}.measured.groups.black"),
    (
        "apart",
        measured(**TOGETHER),
        measured(**TOGETHER | {"together": []}),
        SYSTEM_FILE,
        f"{SCORED}.measured.together",
    ),
    ("cut", measured(), measured(cut=0.9), SYSTEM_FILE, f"{SCORED}.measured.task"),
    ("decision", measured(), measured(cut=None, decision="decision"), SYSTEM_FILE, f"{SCORED}.measured.task"),
    ("positive", measured(), measured(positive="no"), SYSTEM_FILE, f"{SCORED}.measured.task"),
    ("weight", measured(weight="w"), measured(weight=None), SYSTEM_FILE, f"{SCORED}.measured.weight"),
    ("minimum", measured(), measured(minimum=2), SYSTEM_FILE, f"{SCORED}.measured.minimum"),
    ("version", measured(), measured(version=None), SYSTEM_FILE, f"{SCORED}.measured.version"),
    ("seed", measured(), measured(seed=7), SYSTEM_FILE, f"{SCORED}.measured.seed"),
    ("tolerance", measured(), measured(tolerance=0.5), SYSTEM_FILE, f"{SCORED}.measured.tolerance"),
    ("key", measured(key="id"), measured(), SYSTEM_FILE, f"{SCORED}.measured.key"),
    ("nobody asked", asked(serve=True), measured(features=["hir"]), SYSTEM_FILE, f"{SCORED}.measured.serve"),
    ("asked elsewhere", asked(endpoint="live"), asked(serve=True), SYSTEM_FILE, f"{SCORED}.measured.endpoint"),
    ("asked otherwise", asked(serve=True), asked(endpoint="live"), SYSTEM_FILE, f"{SCORED}.measured.serve"),
    ("other rows asked", asked(serve=True), asked(serve=True, key="n"), SYSTEM_FILE, f"{SCORED}.measured.serve"),
    ("other answer", asked(serve=True), asked(serve=True, answers="class"), SYSTEM_FILE, f"{SCORED}.measured.serve"),
    ("other part", asked(serve=True), asked(serve=True, part=1), SYSTEM_FILE, f"{SCORED}.measured.serve"),
    ("fewer asked", asked(serve=True), asked(serve=True, sample=199), SYSTEM_FILE, f"{SCORED}.measured.sample"),
    ("scoring path", LIVE, mortgage(put("serving", 0, "invocations", "/x")), SYSTEM_FILE, "serving.live.invocations"),
    ("feature", measured(features=["hir"]), measured(features=[]), SYSTEM_FILE, f"{SCORED}.measured.features"),
    (
        "relevant",
        measured(**RELEVANT),
        measured(**RELEVANT | {"relevant": []}),
        SYSTEM_FILE,
        f"{SCORED}.measured.relevant",
    ),
    (
        "more relevant",
        measured(**RELEVANT),
        measured(**RELEVANT | {"relevant": ["hir", "dir"]}),
        SYSTEM_FILE,
        f"{SCORED}.measured.relevant",
    ),
    (
        "threshold",
        measured(thresholds=[{"measure": "recall", "at_least": 0.7}]),
        measured(thresholds=[{"measure": "recall", "at_least": 0.6}]),
        SYSTEM_FILE,
        f"{SCORED}.measured.thresholds.recall",
    ),
    ("system", None, lambda p: p["systems"].pop("mortgage-approval"), SYSTEM_FILE, "id"),
    ("register", register(), mortgage(put("registers", [])), SYSTEM_FILE, "registers.requests"),
    ("register elsewhere", register(), register(table="x"), SYSTEM_FILE, "registers.requests.table"),
    ("register there", register(), register(connection="x"), SYSTEM_FILE, "registers.requests.connection"),
    ("other column", register(), register(columns=ELSEWHERE), SYSTEM_FILE, "registers.requests.columns"),
    ("not compared", register(), register(reconcile=None), SYSTEM_FILE, "registers.requests.reconcile"),
    (
        "compared elsewhere",
        register(),
        register(reconcile=REQUESTS["reconcile"] | {"column": "x"}),
        SYSTEM_FILE,
        "registers.requests.reconcile",
    ),
    (
        "value not counted",
        register(),
        register(categories={"outcome": ["deny"]}),
        SYSTEM_FILE,
        "registers.requests.categories.outcome",
    ),
    (
        "organisation's register",
        of_organisation(LICENCES),
        of_organisation(),
        ORGANISATION_FILE,
        "registers.licences",
    ),
    (
        "other file",
        of_organisation(LICENCES),
        of_organisation(LICENCES | {"file": "x.csv"}),
        ORGANISATION_FILE,
        "registers.licences.file",
    ),
    (
        "other sheet",
        of_organisation(LICENCES | {"file": "x.xlsx", "sheet": "All"}),
        of_organisation(LICENCES | {"file": "x.xlsx", "sheet": "Few"}),
        ORGANISATION_FILE,
        "registers.licences.sheet",
    ),
    ("book", book(), mortgage(put("books", [])), SYSTEM_FILE, "books.risks"),
    ("book elsewhere", book(), book(table="x"), SYSTEM_FILE, "books.risks.table"),
    ("book there", book(), book(connection="x"), SYSTEM_FILE, "books.risks.connection"),
    ("other book", book(), book(kind="audits"), SYSTEM_FILE, "books.risks.kind"),
    ("other columns", book(), book(columns={"owner": "x"}), SYSTEM_FILE, "books.risks.columns"),
    ("endpoint", LIVE, mortgage(put("serving", [])), SYSTEM_FILE, "serving.live"),
    ("endpoint's path", LIVE, mortgage(put("serving", 0, "path", "/v2")), SYSTEM_FILE, "serving.live.path"),
    ("endpoint's place", LIVE, mortgage(put("serving", 0, "connection", "x")), SYSTEM_FILE, "serving.live.connection"),
    ("endpoint's answer", LIVE, mortgage(put("serving", 0, "version", "x")), SYSTEM_FILE, "serving.live.version"),
    ("anchor", ANCHORED, put("organisation", "anchors", []), "include/organisation.yaml", "anchors.heads"),
    ("shorter", KEPT, put("organisation", "retention", "validation", 29), ORGANISATION_FILE, "retention.validation"),
    ("no longer for ever", None, KEPT, ORGANISATION_FILE, "retention.validation"),
    ("hold gone", held(), put("organisation", "legal_holds", []), ORGANISATION_FILE, "legal_holds.case-7"),
    ("hold on less", held(), held(kinds=["anchor"]), ORGANISATION_FILE, "legal_holds.case-7"),
    ("hold elsewhere", held(), held(scope="tumour-triage"), ORGANISATION_FILE, "legal_holds.case-7"),
    ("hold on one", held(scope="organisation"), held(), ORGANISATION_FILE, "legal_holds.case-7"),
    (
        "anchor elsewhere",
        ANCHORED,
        put("organisation", "anchors", [{"id": "heads", "means": "store", "url": "/x"}]),
        "include/organisation.yaml",
        "anchors.heads",
    ),
    (
        "expectation",
        None,
        suite(lambda e: e.remove(expectation(e, UNIQUE))),
        "expectations/applications.yaml",
        f"expectations.{UNIQUE}",
    ),
    (
        "wider range",
        None,
        suite(lambda e: expectation(e, DIR)["kwargs"].update(max_value=3)),
        "expectations/applications.yaml",
        f"expectations.{DIR}.kwargs",
    ),
    (
        "mostly",
        None,
        suite(lambda e: expectation(e, DIR)["kwargs"].update(mostly=0.99)),
        "expectations/applications.yaml",
        f"expectations.{DIR}.kwargs",
    ),
    (
        "row condition",
        None,
        suite(lambda e: expectation(e, DIR)["kwargs"].update(row_condition="dir < 1")),
        "expectations/applications.yaml",
        f"expectations.{DIR}.kwargs",
    ),
    (
        "larger set",
        None,
        suite(lambda e: expectation(e, PBCR)["kwargs"]["value_set"].append("maybe")),
        "expectations/applications.yaml",
        f"expectations.{PBCR}.kwargs",
    ),
    (
        "quality",
        None,
        suite(lambda e: expectation(e, DIR).update(quality="timeliness")),
        "expectations/applications.yaml",
        f"expectations.{DIR}.quality",
    ),
    (
        "holder added",
        ROLES,
        lambda p: p["organisation"]["roles"]["ml-lead"]["holders"].append("p-3"),
        "include/organisation.yaml",
        "roles.ml-lead.holders",
    ),
    (
        "last holder removed",
        ROLES,
        put("organisation", "roles", "ml-lead", "holders", []),
        "include/organisation.yaml",
        "roles.ml-lead.holders",
    ),
    (
        "holder of a role that owns an AI system and no control",
        lambda p: ROLES(p) or p["organisation"]["owners"].pop("A.6", None),
        put("organisation", "roles", "ml-lead", "holders", ["p-1"]),
        "include/organisation.yaml",
        "roles.ml-lead.holders",
    ),
    (
        "control handed on",
        None,
        put("organisation", "owners", "A.7", "ml-lead"),
        "include/organisation.yaml",
        "owners.A.7",
    ),
    (
        "control handed on by a nearer key",
        None,
        put("organisation", "owners", "A.7.4", "ml-lead"),
        "include/organisation.yaml",
        "owners.A.7.4",
    ),
    (
        "control disowned",
        None,
        lambda p: p["organisation"]["owners"].pop("A.7"),
        "include/organisation.yaml",
        "owners.A.7",
    ),
    (
        "organisation less often",
        None,
        put("organisation", "schedule", "@monthly"),
        "include/organisation.yaml",
        "schedule",
    ),
    (
        "no look at Airflow",
        put("organisation", "airflow_connection", "airflow"),
        put("organisation", "airflow_connection", None),
        "include/organisation.yaml",
        "airflow_connection",
    ),
    (
        "organisation passes as real",
        None,
        put("organisation", "demonstration", None),
        "include/organisation.yaml",
        "demonstration",
    ),
]


def with_table_called_openlineage(system):
    system["datasets"].append({**system["datasets"][0], "id": "openlineage", "table": "x"})


EVENTS = put("openlineage", "/a")


@pytest.mark.parametrize(
    ("before", "after"), [(EVENTS, with_table_called_openlineage), (with_table_called_openlineage, EVENTS)]
)
def test_a_folder_of_events_and_a_table_of_its_name_never_stand_together(before, after):
    old, new = changed(demo(), mortgage(before)), changed(demo(), mortgage(after))
    standing = inventory_in_force(old, new)[0]
    assert standing.systems["mortgage-approval"].openlineage == old.systems["mortgage-approval"].openlineage
    ids = {table.id for table in standing.systems["mortgage-approval"].tables}
    assert ("openlineage" in ids) == (old.systems["mortgage-approval"].openlineage is None)
    assert loosens(old, standing) == ()


# (name, change): nothing is weaker
NOT_WEAKER = [
    ("nothing", lambda _: None),
    ("title and purpose", mortgage(lambda s: s.update(title="Loans", purpose="Other words."))),
    ("same ticks in other words", mortgage(put("schedule", "0 0 * * *"))),
    ("another hour", mortgage(put("schedule", "30 6 * * *"))),
    ("a first folder of events", mortgage(put("openlineage", "/a"))),
    ("more often", mortgage(put("schedule", "@hourly"))),
    ("a shorter allow-list", mortgage(put("mlflow", "allow", {"params": ["C"], "tags": []}))),
    ("one more server", mortgage(put("more_mlflow", [{**FURTHER, "allow": {"params": ["C"]}}]))),
    ("one more experiment", mortgage(lambda s: s["mlflow"]["experiments"].append("x"))),
    ("a longer time-out", mortgage(put("datasets", 0, "timeout_seconds", 9_000))),
    ("one more dataset", mortgage(lambda s: s["datasets"].append({**s["datasets"][0], "id": "x", "table": "x"}))),
    ("one more group", more(lambda m: m["groups"].update(self=["yes"]))),
    ("one more feature", more(lambda m: m["features"].append("x"))),
    ("the same classes", more(lambda m: m["classes"].reverse())),
    ("one more threshold", more(lambda m: m["thresholds"].append({"measure": "recall", "at_least": 0.7}))),
    ("a first weight", more(put("weight", "w"))),
    ("a first question", more(lambda m: m.update(serve=True, key="id"))),
    ("a first question at an endpoint", first_question),
    ("reworded demonstration", mortgage(put("demonstration", "Scripted."))),
    ("a first time column", put("systems", "tumour-triage", "datasets", 0, "time_column", "t")),
    (
        "a first plan for a control",
        put("organisation", "adoption", {"A.7": {"state": "planned", "until": "2026-06-30"}}),
    ),
    ("a new role", put("organisation", "roles", "dpo", {"title": "Data protection", "holders": ["p-9"]})),
    ("the same owner, nearer", put("organisation", "owners", "A.7.4", "data-owner")),
    ("an owner where there was none", put("organisation", "owners", "C.1", "ml-lead")),
    ("a narrower range", suite(lambda e: expectation(e, DIR)["kwargs"].update(min_value=0.01))),
    ("one more expectation", suite(lambda e: e.append({**e[0], "kwargs": {"column": "uria"}}))),
    ("another reason", suite(lambda e: e[0].update(why="Because."))),
    ("a legal hold", held()),
    ("one more suite", lambda p: p["suites"].update(x={**p["suites"]["samples"], "name": "x"})),
    (
        "a suite that nobody uses",
        lambda p: (
            p["suites"].pop("samples")
            and p["systems"]["tumour-triage"].update(
                datasets=[{**d, "suite": "samples"} for d in p["systems"]["tumour-triage"]["datasets"]]
            )
        ),
    ),
]


@pytest.mark.parametrize("case", WEAKER, ids=lambda case: case[0])
def test_each_weakening_is_named_once_and_the_old_obligation_stands(inventory, case):
    _, first, weaken, file, field = case
    old = changed(inventory, first) if first else inventory
    new = changed(old, weaken)
    standing, found = inventory_in_force(old, new)
    assert [(one.file, one.field) for one in found] == [(file, field)]
    assert found[0].old != found[0].new
    assert found[0].why
    assert loosens(old, standing) == ()
    assert loosens(standing, new) == found


@pytest.mark.parametrize("case", NOT_WEAKER, ids=lambda case: case[0])
def test_what_weakens_nothing_counts_at_once(inventory, case):
    new = changed(inventory, case[1])
    standing, found = inventory_in_force(inventory, new)
    assert found == ()
    assert standing.systems == new.systems
    assert standing.organisation.roles == new.organisation.roles


@settings(max_examples=30)
@given(st.lists(st.integers(0, len(WEAKER) - 1), min_size=1, max_size=6), st.integers(0, 10**6))
def test_any_mixture_leaves_nothing_weaker(chosen, seed):
    old = demo()
    for number in chosen:
        if WEAKER[number][1]:
            old = changed(old, WEAKER[number][1])
    new = old
    for number in chosen:
        try:
            new = changed(new, WEAKER[number][2])
        except (KeyError, IndexError, ValueError, StopIteration):
            continue  # two changes that cannot both be made
    standing, found = inventory_in_force(old, new)
    assert loosens(old, standing) == ()
    assert len(found) == len({(one.file, one.field, one.old, one.new) for one in found})
    assert set(loosens(shuffled(old, seed), shuffled(new, seed + 1))) == set(found)
    assert loosens(new, new) == ()


def shuffled(inventory, seed):
    def mix(value):
        if isinstance(value, dict):
            # Not the columns that belong together: evidence names an expectation by them, in their order.
            return {key: item if key == "column_list" else mix(item) for key, item in value.items()}
        if isinstance(value, list):
            return random.Random(seed).sample([mix(item) for item in value], len(value))
        return value

    return Inventory.model_validate(mix(inventory.model_dump(mode="json")))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (KEPT, put("organisation", "retention", {"validation": 31})),
        (KEPT, put("organisation", "retention", {})),
        (held(), held(scope="organisation", reason="Another.")),
        (held(kinds=["anchor"]), held(kinds=["validation", "anchor"])),
        (held(kinds=["anchor"]), held()),
    ],
)
def test_to_keep_longer_or_more_counts_at_once(inventory, first, then):
    old = changed(inventory, first)
    new = changed(old, then)
    standing, found = inventory_in_force(old, new)
    assert (standing.organisation, found) == (new.organisation, ())


def test_to_count_and_compare_more_counts_at_once(inventory):
    old = changed(inventory, register(reconcile=None, categories={"outcome": ["deny"]}))
    new = changed(old, register(categories={"outcome": ["approve", "deny"], "region": ["north"]}, timeout_seconds=5))
    standing, found = inventory_in_force(old, new)
    assert found == ()
    assert standing.systems["mortgage-approval"].registers[0].reconcile is not None
    assert standing == new


def test_a_register_that_becomes_a_file_stays_the_table_it_was(inventory):
    old = changed(inventory, register())
    new = changed(old, register(connection=None, table=None, file="registers/requests.csv", reconcile=None))
    standing, found = inventory_in_force(old, new)
    assert {one.field.removeprefix("registers.requests.") for one in found} == {
        "connection",
        "table",
        "file",
        "reconcile",
    }
    assert standing.systems == old.systems


def test_order_in_lists_means_nothing(inventory):
    assert loosens(inventory, shuffled(inventory, 7)) == ()


def test_live_rows_called_a_reference_would_be_asked_for_less(inventory):
    old = changed(inventory, mortgage(put("datasets", 1, "use", "production")))
    [found] = loosens(old, changed(old, mortgage(put("datasets", 1, "use", "reference"))))
    assert found.field == "datasets.applications-test.use"


def test_what_was_never_declared_before_stands_as_declared(inventory):
    system, suite_ = inventory.systems["mortgage-approval"], inventory.suites["applications"]
    assert in_force(None, system) == (system, ())
    assert suite_in_force(None, suite_) == (suite_, ())
    organisation, waiting = organisation_in_force(None, inventory.organisation)
    assert [one.field for one in waiting] == ["excluded.A.10.3"]
    assert organisation == inventory.organisation.model_copy(update={"excluded": {}})
    assert inventory_in_force(None, inventory) == (inventory, ())


def test_the_first_holder_of_an_empty_role_counts_at_once(inventory):
    empty = changed(inventory, put("organisation", "roles", "ml-lead", "holders", []))
    held = changed(empty, put("organisation", "roles", "ml-lead", "holders", ["p-1"]))
    assert inventory_in_force(empty, held) == (held, ())


@pytest.mark.parametrize(
    ("after", "field"),
    [
        ({"state": "adopting", "until": "2026-07-01"}, "until"),
        ({"state": "planned", "until": "2026-06-30"}, "state"),
        (None, None),
        ({"state": "adopted", "until": "2026-06-29"}, ""),
    ],
)
def test_a_plan_may_be_kept_sooner_and_not_later(inventory, after, field):
    plan = {"state": "adopting", "until": "2026-06-30"}
    old = changed(inventory, put("organisation", "adoption", {"A.7": plan}))
    new = changed(inventory, put("organisation", "adoption", {"A.7": after} if after else {}))
    standing, found = inventory_in_force(old, new)
    path = "adoption.A.7" if field is None else f"adoption.A.7.{field}"
    assert [one.field for one in found] == ([] if field == "" else [path])
    kept = standing.organisation.model_dump(mode="json")["adoption"]["A.7"]
    assert kept == (after if field == "" else plan)


def test_a_renamed_table_waits_and_the_old_one_stays_alone(inventory):
    old = inventory.systems["mortgage-approval"]
    renamed = old.datasets[0].model_copy(update={"id": "renamed"})
    standing, found = in_force(old, old.model_copy(update={"datasets": (renamed, old.datasets[1])}))
    assert [one.field for one in found] == [TRAIN]
    assert standing == old


def test_tables_that_swap_their_ids_stay_where_they_were(inventory):
    old = inventory.systems["mortgage-approval"]
    train, test = old.datasets
    swapped = (train.model_copy(update={"table": test.table}), test.model_copy(update={"table": train.table}))
    standing, found = in_force(old, old.model_copy(update={"datasets": swapped}))
    assert {one.field for one in found} == {f"{TRAIN}.table", "datasets.applications-test.table"}
    assert standing == old


def test_whatever_does_not_weaken_is_taken_beside_what_waits(inventory):
    new = changed(inventory, mortgage(lambda s: s.update(title="Loans", risk_level="minimal", schedule="@hourly")))
    standing, found = in_force(inventory.systems["mortgage-approval"], new.systems["mortgage-approval"])
    assert (standing.title, standing.schedule, standing.risk_level) == ("Loans", "@hourly", "high")
    assert [one.field for one in found] == ["risk_level"]


def test_a_swapped_suite_keeps_the_old_one_at_hand(inventory):
    def swap(plain):
        for table in plain["systems"]["mortgage-approval"]["datasets"]:
            table["suite"] = "samples"
        del plain["suites"]["applications"]

    standing, found = inventory_in_force(inventory, changed(inventory, swap))
    assert len(found) == 2
    assert standing.suites["applications"] == inventory.suites["applications"]


def test_a_dropped_role_stays_while_anything_is_owned_by_it(inventory):
    def hand_over(plain):
        plain["organisation"]["owners"] = {
            key: "data-owner" if role == "ml-lead" else role for key, role in plain["organisation"]["owners"].items()
        }
        for system in plain["systems"].values():
            system["owner"] = "data-owner"
        del plain["organisation"]["roles"]["ml-lead"]

    standing, found = inventory_in_force(inventory, changed(inventory, hand_over))
    assert {one.field for one in found} == {"owner", "owners.A.6", "roles.ml-lead"}
    assert "ml-lead" in standing.organisation.roles


def test_old_and_new_are_said_in_text(inventory):
    (found,) = loosens(inventory, changed(inventory, suite(lambda e: expectation(e, DIR)["kwargs"].pop("max_value"))))
    assert (found.old, found.new) == ("column = dir; max_value = 1; min_value = 0", "column = dir; min_value = 0")
    (found,) = loosens(inventory, changed(inventory, mortgage(put("schedule", "@weekly"))))
    assert found == loosening.Loosening(
        SYSTEM_FILE, "schedule", "@daily", "@weekly", "evidence would be due less often"
    )
