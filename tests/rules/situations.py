"""Situations that bring every requirement to every status it can take: whole ledgers, each with one thing about it.

The names are those of the tests in ``test_every_cell`` and of the cells of docs/controls.md.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, get_args

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE, kinds
from affidavit.inventory import STAGES_OF_SYSTEM_DOCUMENTS, DocumentKind, Organisation, Register
from affidavit.projections import Need, Standing, fold, may_answer, needs
from affidavit.rules import Status, Verdict, judge
from tests.projections import keeping, papers
from tests.projections.papers import ROLES
from tests.projections.story import AGREEING, DAY, SCOPE, STEPS, TABLES, Story, decide, digest
from tests.rules.test_applicability import EVERY
from tests.rules.test_registers import LOGS, REQUESTS

CATALOGUE = catalogue.load()
AREAS = [*(str(clause) for clause in range(4, 11)), "A"]
PEOPLE = {**papers.PEOPLE, "p-9": {"competence": AREAS}}
DOCUMENTS = [
    {"id": kind, "kind": kind, "title": kind, "file": f"documents/{kind}.md"}
    | {"owner": "governance-lead", "author": "p-7", "approver": "board", "review_months": 12}
    for kind in get_args(DocumentKind)
]
OF_SYSTEM = [each for each in DOCUMENTS if each["kind"] in STAGES_OF_SYSTEM_DOCUMENTS]
OF_ORGANISATION = [each for each in DOCUMENTS if each["kind"] not in STAGES_OF_SYSTEM_DOCUMENTS]
OVERRIDES = {
    "id": "overrides",
    "kind": "human-overrides",
    "connection": "bank",
    "table": "overrides",
    "columns": {"decision": "id", "at": "at", "person": "who", "outcome": "outcome"},
}
LASTING = [
    {"id": kind, "kind": kind, "file": f"registers/{kind}.csv", "columns": {name: name for name in columns}}
    for kind, columns in (
        ("training-and-competence", ("person", "competence", "until")),
        ("legal-duties", ("duty", "owner", "until")),
        ("suppliers", ("supplier", "contract", "until")),
    )
]
WRONG = {
    "risks": {"owner": "nobody"},
    "risk-actions": {"risk": ["r-7"]},
    "audits": {"auditor": "p-3"},
    "nonconformities": {"closed_by": "p-1"},
    "improvements": {"figure_after": 13},
}
IN_DATE = [{"day": "2027-01-01", "rows": 100, "categories": {}}]
EXPIRED = [{"day": "2026-01-01", "rows": 100, "categories": {}}]
LOOKS = (
    *("declarations", "documents", "unreconciled"),
    *(f"register:{each['id']}" for each in LASTING),
    *(f"book:{each['id']}" for each in keeping.BOOKS),
)
DEPLOYED = {**keeping.PLAN, "what": "deployment", "items": ["loans/1"]}
OF_LOANS = (OVERRIDES, REQUESTS, LOGS)
FORTNIGHT = 14 * DAY
BY = {"rules": digest("rules"), "catalogue": digest("catalogue")}


def declare(story: Story, *, system: Mapping[str, Any] | None = None, **organisation: Any) -> None:
    """Everything that there is to declare, with these changes."""
    declared = {
        "people": PEOPLE,
        "roles": ROLES,
        "owners": dict.fromkeys(AREAS, "governance-lead"),
        "included": EVERY,
        "documents": OF_ORGANISATION,
        "registers": LASTING,
        "books": keeping.BOOKS,
    }
    story.declare_organisation(**declared | organisation)
    story.declare(**{"documents": OF_SYSTEM, "registers": list(OF_LOANS), **(system or {})})


def look(story: Story, *, collected: bool = True, text: str = "a", version: str | None = "1") -> None:
    """A look at all that is declared; ``text`` and ``version`` are of every document."""
    story.suite()
    for table in TABLES:
        story.look_at_table(table)
    for document in DOCUMENTS:
        scope = SCOPE if document in OF_SYSTEM else ORGANISATION_SCOPE
        papers.look(story, text, version, of=document, scope=scope, covers=["loans 1"])
    for register in OF_LOANS:
        story.register(register)
    for register in LASTING:
        story.register(register, scope=ORGANISATION_SCOPE, days=IN_DATE)
    for kind, (name, row) in keeping.FIRST_ROWS.items():
        keeping.record(story, kind, name, row)
    keeping.record(story, "planned-changes", "pc-2", DEPLOYED)
    story.unreconciled()
    if collected:
        collect(story)


def collect(story: Story, **counts: int) -> None:
    """The end of a slot in both scopes; ``counts`` are each collector's."""
    steps = (*STEPS, "documents", *(f"register:{each['id']}" for each in OF_LOANS))
    story.collection(steps=steps, **counts)
    story.collection(scope=ORGANISATION_SCOPE, steps=LOOKS, **counts)


def recorded(*, collected: bool = True) -> Story:
    """Everything declared, and looked at on two days; nobody decided on anything."""
    story = Story()
    declare(story)
    look(story, collected=collected)
    good = {"A.7.4": {"status": "supported", "origin": None}}
    for scope in (SCOPE, ORGANISATION_SCOPE):
        story.say(kinds.ASSESSMENT, f"affidavit://assessments/{scope}", {"controls": good, **BY}, scope=scope)
    story.now += DAY
    story.model()
    look(story, collected=collected)
    return story


def open_needs(story: Story, types: Collection[str]) -> list[Need]:
    state = fold(story.entries)
    verdicts = judge(state, at=story.now, catalogue=CATALOGUE)
    found = needs(state, verdicts, at=story.now, catalogue=CATALOGUE)
    return [need for need in found if need.type in types]


def answer(story: Story, *types: str, options: Mapping[str, str] | None = None) -> Story:
    """Whatever of these types is asked is answered an hour later, by somebody who may."""
    asked = open_needs(story, types)
    organisation = standing(story).value
    story.now += timedelta(hours=1)
    basis = {"size": len(story.entries), "root": "00" * 32}
    for need in asked:
        person = may_answer(need, organisation, story.now.date())[-1]
        decide(story, need, by=person, option=(options or {}).get(need.type), basis=basis)
    return story


def standing(story: Story) -> Standing[Organisation]:
    """The organisation as it stands."""
    found = fold(story.entries).organisation.organisation
    assert found
    return found


def signed(*, collected: bool = True) -> Story:
    return answer(recorded(collected=collected), "document", "deployment")


def judged(*, option: str = "adequate") -> Story:
    return answer(signed(), "judgement", options={"judgement": option})


def declared_and_left() -> Story:
    """Only an AI system and the organisation's name, and nobody ever looked."""
    story = Story()
    story.declare_organisation()
    story.declare()
    story.now += 9 * DAY
    return story


def looked_at_no_more() -> Story:
    story = judged()
    story.now += 9 * DAY
    return story


def nothing_to_judge() -> Story:
    """Nobody can judge what came: registers without rows, an unread server, an audit of what is nobody's."""
    story = judged()
    story.now += timedelta(hours=1)
    for register in (*OF_LOANS, *LASTING):
        story.register(register, scope=ORGANISATION_SCOPE if register in LASTING else SCOPE, rows=0)
    story.validation("train", warned=("a",))
    keeping.record(story, "audits", "ia-1", {**keeping.AUDIT, "criteria": ["own-1"]})
    story.unreconciled(not_looked_at=["DAGs"])
    collect(story)
    return story


def evidence_of_nobody() -> Story:
    """Evidence of an AI system that nobody declared."""
    story = judged()
    facts = {"model": "m", "alias": "champion", "version": "1"}
    story.say(kinds.MODEL_ALIAS, "mlflow://tracking/models/m@champion", facts, scope="system:undeclared")
    return story


def first_look_in_vain() -> Story:
    """The first look at the registers counted nothing in any of them."""
    story = signed(collected=False)
    collect(story, new=0, unchanged=0)
    return story


def wrong() -> Story:
    """What came is bad, wherever it can be, and nobody stopped it."""
    story = answer(recorded(), "document", "deployment", options={"deployment": "reject"})
    for document in DOCUMENTS:
        scope = SCOPE if document in OF_SYSTEM else ORGANISATION_SCOPE
        papers.look(story, "b", None, of=document, scope=scope)
    for register in LASTING:
        story.register(register, scope=ORGANISATION_SCOPE, days=EXPIRED)
    for register in (REQUESTS, LOGS):
        second = Register.model_validate(register).reconcile
        assert second
        story.register(register, reconciled={"with": second.uri, **AGREEING, "only_here": 3})
    for table in TABLES:
        story.snapshot(table, relation={"kind": "view", "sha256": digest("another")})
        story.validation(table, failed=("a",))
    for kind, row in WRONG.items():
        name, good = keeping.FIRST_ROWS[kind]
        keeping.record(story, kind, name, {**good, **row})
    story.unreconciled(experiments=["unclaimed"])
    story.run(source={"commit": "9c1e", "dirty": True}, status="FAILED")
    story.now -= FORTNIGHT
    failed = {"A.7.4": {"status": "failing", "origin": None}}
    story.say(kinds.ASSESSMENT, "affidavit://assessments/loans", {"controls": failed, **BY})
    story.now += FORTNIGHT
    declare(story, systems=())
    collect(story)
    return story


def left_out() -> Story:
    """Every control of Annex A is excluded, and every exclusion decided on."""
    story = recorded()
    story.now += timedelta(hours=1)
    declare(story, excluded={item.id: {"why": "Not ours."} for item in CATALOGUE.controls})
    return answer(story, "exclusion")


def accepted() -> Story:
    """All that fails is accepted for a while, by a decision on each."""
    story = wrong()
    failing = [each for each in verdicts(story) if each.status is Status.FAILING]
    story.now += timedelta(hours=1)
    until = (story.now + 30 * DAY).date().isoformat()

    def exceptions(scopes: Iterable[str]) -> list[dict[str, str]]:
        return [{"control": v.control, "until": until, "why": "Soon."} for v in failing if v.scope in scopes]

    present = tuple(standing(story).entry.statement.facts["systems"])
    system = {"exceptions": exceptions({SCOPE})}
    declare(story, system=system, systems=present, exceptions=exceptions({ORGANISATION_SCOPE}))
    return answer(story, "exception")


def verdicts(story: Story) -> tuple[Verdict, ...]:
    return judge(fold(story.entries), at=story.now, catalogue=CATALOGUE)


SITUATIONS: Mapping[str, Callable[[], Story]] = {
    "declared and left": declared_and_left,
    "recorded": recorded,
    "signed": signed,
    "judged": judged,
    "judged not adequate": lambda: judged(option="not adequate"),
    "all wrong": wrong,
    "all wrong, accepted": accepted,
    "looked at no more": looked_at_no_more,
    "not collected yet": lambda: signed(collected=False),
    "first look in vain": first_look_in_vain,
    "nothing to judge": nothing_to_judge,
    "evidence of nobody": evidence_of_nobody,
    "left out": left_out,
}


@cache
def judged_in(name: str) -> tuple[Verdict, ...]:
    """Every verdict in a situation."""
    return verdicts(SITUATIONS[name]())
