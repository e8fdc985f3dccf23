"""What a change of the inventory weakens, and what therefore still stands.

A change counts from the entry that records it, except where it *loosens* something: then the old obligation stands
until somebody who held the role before the change has approved it. Each ``*_in_force`` merges two versions into the
obligations that stand, and names what it kept: whatever does not weaken is taken from the new version, whatever
weakens keeps its old value. So ``loosens(old, in_force(old, new))`` is always empty. Order in lists means nothing.

What a machine cannot judge counts as weaker: another table under the same id, another alias, another way to say
what an expectation demands. Texts for people (titles, descriptions, reasons) bind nobody and are taken as they come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from affidavit.inventory.adopting import adoption_in_force
from affidavit.inventory.applicability import own_controls_in_force
from affidavit.inventory.deciding import (
    committees_in_force,
    deciders_in_force,
    exceptions_in_force,
    excluded_in_force,
    needed_people,
    people_in_force,
)
from affidavit.inventory.keeping import holds_in_force, retention_in_force
from affidavit.inventory.measured import measured_in_force
from affidavit.inventory.models import Allow, Dataset, Inventory, Partition, PredictionTable, System, Tracking
from affidavit.inventory.organisation import Anchor, Organisation, Role
from affidavit.inventory.schedule import cadence
from affidavit.inventory.sources import (
    agents_in_force,
    books_in_force,
    documents_in_force,
    registers_in_force,
    serving_in_force,
)
from affidavit.inventory.suite import Suite
from affidavit.inventory.tighter import is_tighter
from affidavit.inventory.waiting import Change, Loosening, Waiting

__all__ = [
    "Change",
    "Loosening",
    "dropped_system",
    "in_force",
    "inventory_in_force",
    "loosens",
    "organisation_in_force",
    "suite_in_force",
]

AnyTable = TypeVar("AnyTable", Dataset, PredictionTable)

RISK_ORDER = ("minimal", "limited", "high")
_EVENTS = "openlineage"
_UNTOLD = "what prepared the tables would no longer be read where it was"
_SIMULATED = "what is scripted or simulated would pass as the real thing"


def loosens(old: Inventory, new: Inventory) -> tuple[Loosening, ...]:
    """Every weakening from ``old`` to ``new``, each once."""
    return inventory_in_force(old, new)[1]


def inventory_in_force(old: Inventory | None, new: Inventory) -> tuple[Inventory, tuple[Loosening, ...]]:
    """The inventory that stands, and what waits for approval.

    A suite that a standing table still needs is kept without being named: the table's change is.
    """
    if old is None:
        return new, ()
    found: list[Loosening] = []
    systems: dict[str, System] = {}
    for name in sorted(old.systems.keys() | new.systems.keys()):
        if name in new.systems:
            systems[name], loosenings = in_force(old.systems.get(name), new.systems[name])
            found += loosenings
        else:
            systems[name] = old.systems[name]
            found.append(dropped_system(name))
    organisation, loosenings = organisation_in_force(old.organisation, new.organisation)
    found += loosenings
    suites: dict[str, Suite] = {}
    for name, suite in new.suites.items():
        suites[name], loosenings = suite_in_force(old.suites.get(name), suite)
        found += loosenings
    needed = {table.suite for system in systems.values() for table in system.tables if table.suite}
    suites |= {name: old.suites[name] for name in needed - suites.keys()}
    return Inventory(organisation=organisation, systems=systems, suites=suites), tuple(found)


def in_force(
    old: System | None, new: System, *, approved: Collection[Change] = ()
) -> tuple[System, tuple[Loosening, ...]]:
    """The AI system that stands, given the one in force before (None: there was none), and what waits.

    ``approved`` are weakenings that wait no more. An exception waits from the first declaration on.

    A table that is new stays out while its id or its place in the warehouse belongs to one that an old obligation
    keeps, or its id to the look at OpenLineage events, which stays out likewise; each comes in with the approval.
    """
    if old is None:
        old = new.model_copy(update={"exceptions": ()})
    waiting = Waiting(f"include/systems/{new.id}.yaml", approved)
    slower = _slower(old.schedule, new.schedule)
    lower = RISK_ORDER.index(new.risk_level) < RISK_ORDER.index(old.risk_level)
    other_role = old.organisation_role != new.organisation_role
    changes = {
        "organisation_role": waiting.keep("organisation_role", old, new, other_role, "duties follow from the role"),
        "risk_level": waiting.keep("risk_level", old, new, lower, "less is asked of a lower risk level"),
        "owner": waiting.keep("owner", old, new, old.owner != new.owner, "somebody else would answer for it"),
        "schedule": waiting.keep("schedule", old, new, slower, "evidence would be due less often"),
        "demonstration": waiting.keep("demonstration", old, new, _unmarked(old, new), _SIMULATED),
        "dags": waiting.keep_items("dags", old.dags, new.dags, "nobody would claim the DAG"),
        "openlineage": waiting.keep("openlineage", old, new, _moved(old.openlineage, new.openlineage), _UNTOLD),
        "registers": registers_in_force(old.registers, new.registers, waiting),
        "books": books_in_force(old.books, new.books, waiting),
        "serving": serving_in_force(old.serving, new.serving, waiting),
        "agents": agents_in_force(old.agents, new.agents, waiting),
        "documents": documents_in_force(old.documents, new.documents, waiting),
        "exceptions": exceptions_in_force(old.exceptions, new.exceptions, waiting),
        "mlflow": _tracking_in_force("mlflow", old.mlflow, new.mlflow, waiting),
    }
    datasets = [_dataset_in_force(*pair, waiting) for pair in _pairs("datasets", old.datasets, new.datasets, waiting)]
    predictions = [
        _prediction_in_force(*pair, waiting)
        for pair in _pairs("predictions", old.predictions, new.predictions, waiting)
    ]
    standing = [*datasets, *predictions]
    taken = {table.id for table in standing} | {table.uri for table in standing}
    # The look at events and a table of that id would be one task: what stands already keeps the name.
    if _EVENTS in taken:
        changes["openlineage"] = None
    elif changes["openlineage"]:
        taken.add(_EVENTS)
    changes["datasets"] = (*datasets, *(t for t in _added(old.datasets, new.datasets) if _free(t, taken)))
    changes["predictions"] = (*predictions, *(t for t in _added(old.predictions, new.predictions) if _free(t, taken)))
    changes["more_mlflow"] = _more_tracking_in_force(changes["mlflow"], old, new, waiting)
    return System.model_validate(dict(new) | changes), tuple(waiting.found)


def organisation_in_force(
    old: Organisation | None, new: Organisation, *, approved: Collection[Change] = ()
) -> tuple[Organisation, tuple[Loosening, ...]]:
    """The organisation that stands, and what waits; ``approved`` are weakenings that wait no more.

    Holders of a role may not come or go unapproved, or the approver could be chosen with the change. Filling an empty
    role is no weakening: nobody could have approved anything before. What is excluded, or accepted though it fails,
    waits from the first declaration on.
    """
    if old is None:
        old = new.model_copy(update={"excluded": {}, "exceptions": ()})
    waiting = Waiting("include/organisation.yaml", approved)
    roles: dict[str, Role] = dict(new.roles)
    for name, role in sorted(old.roles.items()):
        if (standing := _role_in_force(name, role, new.roles.get(name), waiting)) is not None:
            roles[name] = standing
    committees = committees_in_force(old.committees, new.committees, waiting)
    people = people_in_force(old.people, new.people, waiting)
    answering = {}
    for control in sorted(old.owners.keys() | new.owners.keys()):
        before, after = old.owner_of(control), new.owner_of(control)
        moved = before is not None and before != after
        kept = waiting.choose(f"owners.{control}", before, after, moved, "somebody else would answer for it")
        if kept is not None:
            answering[control] = kept
    slower = _slower(old.schedule, new.schedule)
    unlisted = old.airflow_connection is not None and old.airflow_connection != new.airflow_connection
    unseen = "DAGs that nobody claims would not be listed"
    changes = {
        "roles": roles,
        "owners": answering,
        "schedule": waiting.keep("schedule", old, new, slower, "evidence would be due less often"),
        "airflow_connection": waiting.keep("airflow_connection", old, new, unlisted, unseen),
        "anchors": _anchors_in_force(old.anchors, new.anchors, waiting),
        "retention": retention_in_force(old.retention, new.retention, waiting),
        "legal_holds": holds_in_force(old.legal_holds, new.legal_holds, waiting),
        "registers": registers_in_force(old.registers, new.registers, waiting),
        "books": books_in_force(old.books, new.books, waiting),
        "documents": documents_in_force(old.documents, new.documents, waiting),
        "own_controls": own_controls_in_force(old.own_controls, new.own_controls, waiting),
        "people": needed_people(people, committees, old.people),
        "committees": committees,
        "deciders": deciders_in_force(old.deciders, new.deciders, waiting),
        "adoption": adoption_in_force(old.adoption, new.adoption, waiting),
        "excluded": excluded_in_force(old.excluded, new.excluded, waiting),
        "exceptions": exceptions_in_force(old.exceptions, new.exceptions, waiting),
        "demonstration": waiting.keep("demonstration", old, new, _unmarked(old, new), _SIMULATED),
    }
    return Organisation.model_validate(dict(new) | changes), tuple(waiting.found)


def _anchors_in_force(old: Sequence[Anchor], new: Sequence[Anchor], waiting: Waiting) -> tuple[Anchor, ...]:
    standing = {anchor.id: anchor for anchor in new}
    for anchor in old:
        now = standing.get(anchor.id)
        if now != anchor:
            why = "somebody else, or nobody, would be handed the ledger's head"
            if waiting.holds(f"anchors.{anchor.id}", _anchor_text(anchor), _anchor_text(now), why):
                standing[anchor.id] = anchor
    return tuple(standing.values())


def _anchor_text(anchor: Anchor | None) -> dict[str, Any] | None:
    return anchor.model_dump(mode="json", exclude_defaults=True) if anchor else None


def suite_in_force(
    old: Suite | None, new: Suite, *, approved: Collection[Change] = ()
) -> tuple[Suite, tuple[Loosening, ...]]:
    """The suite that stands, and what waits; ``approved`` are weakenings that wait no more.

    Expectations are matched by :attr:`Expectation.test`. A changed expectation is taken only where it is provably at
    least as tight (:mod:`affidavit.inventory.tighter`).
    """
    if old is None:
        return new, ()
    waiting = Waiting(f"expectations/{new.name}.yaml", approved)
    after = {expectation.test: expectation for expectation in new.expectations}
    standing = []
    for before in old.expectations:
        field, now = f"expectations.{before.test}", after.pop(before.test, None)
        if now is None:
            if waiting.holds(field, before.test, None, "what it demanded would no longer be checked"):
                standing.append(before)
            continue
        kwargs, quality = now.kwargs, now.quality
        if not is_tighter(before.type, before.kwargs, now.kwargs):
            why = "it may let through what it did not before"
            kwargs = waiting.choose(f"{field}.kwargs", before.kwargs, kwargs, True, why)
        if before.quality != quality:
            why = f"{before.quality} would no longer be shown"
            quality = waiting.choose(f"{field}.quality", before.quality, quality, True, why)
        standing.append(now.model_copy(update={"kwargs": kwargs, "quality": quality}))
    return Suite.model_validate(dict(new) | {"expectations": (*standing, *after.values())}), tuple(waiting.found)


def dropped_system(name: str) -> Loosening:
    """The weakening that lies in the file of the AI system ``name`` being gone."""
    why = "nothing would be due for the AI system any more"
    return Loosening(f"include/systems/{name}.yaml", "id", name, "", why)


def _more_tracking_in_force(first: Tracking, old: System, new: System, waiting: Waiting) -> tuple[Tracking, ...]:
    """The further servers that stand beside ``first``, told apart by their connection.

    What one that is new lets through is weighed by what the others do: it might be one of them under another id.
    """
    after = {tracking.connection: tracking for tracking in new.more_mlflow if tracking.connection != first.connection}
    standing = []
    for tracking in old.more_mlflow:
        field, now = f"more_mlflow.{tracking.connection}", after.pop(tracking.connection, None)
        if now is None:
            why = "its runs and versions would no longer be collected"
            if not waiting.holds(field, tracking.connection, None, why):
                continue
        standing.append(_tracking_in_force(field, tracking, now or tracking, waiting))
    params, tags = ({name for each in old.servers for name in getattr(each.allow, of)} for of in ("params", "tags"))
    known = Allow(params=tuple(params), tags=tuple(tags))
    for tracking in after.values():
        allow = _allow_in_force(f"more_mlflow.{tracking.connection}.allow", known, tracking.allow, waiting)
        standing.append(tracking.model_copy(update={"allow": allow}))
    return tuple(standing)


def _tracking_in_force(field: str, old: Tracking, new: Tracking, waiting: Waiting) -> Tracking:
    moved = old.connection != new.connection
    renamed = old.in_use_alias != new.in_use_alias
    return Tracking(
        connection=waiting.keep(f"{field}.connection", old, new, moved, "runs would be read from another server"),
        experiments=waiting.keep_items(
            f"{field}.experiments", old.experiments, new.experiments, "its runs would no longer be collected"
        ),
        registered_models=waiting.keep_items(
            f"{field}.registered_models",
            old.registered_models,
            new.registered_models,
            "its versions would no longer be collected",
        ),
        in_use_alias=waiting.keep(
            f"{field}.in_use_alias", old, new, renamed, "other versions would count as the ones in use"
        ),
        sweep=waiting.keep(
            f"{field}.sweep", old, new, _slower(old.sweep, new.sweep), "a late change would be noticed later"
        ),
        allow=_allow_in_force(f"{field}.allow", old.allow, new.allow, waiting),
    )


def _allow_in_force(field: str, old: Allow, new: Allow, waiting: Waiting) -> Allow:
    """A narrower allow-list is none: less would be seen, but what is withheld is counted and can be let in later.

    A wider one puts values into a log that cannot unsay them.
    """
    why = "its values would enter a log that cannot unsay them"
    return Allow(
        params=waiting.keep_out(f"{field}.params", old.params, new.params, why),
        tags=waiting.keep_out(f"{field}.tags", old.tags, new.tags, why),
    )


def _dataset_in_force(field: str, old: Dataset, new: Dataset, waiting: Waiting) -> Dataset:
    # Each use asks something of its own of a table, and of live rows most: any other use may ask less.
    moved = old.use != new.use
    changes = _table_in_force(field, old, new, waiting)
    changes["use"] = waiting.keep(f"{field}.use", old, new, moved, f"it would no longer count as {old.use} data")
    return Dataset.model_validate(dict(new) | changes)


def _prediction_in_force(field: str, old: PredictionTable, new: PredictionTable, waiting: Waiting) -> PredictionTable:
    changes = _table_in_force(field, old, new, waiting)
    for name in ("label", "score"):
        moved = getattr(old, name) != getattr(new, name)
        changes[name] = waiting.keep(f"{field}.{name}", old, new, moved, "results would be about another column")
    changes["measured"] = measured_in_force(f"{field}.measured", old.measured, new.measured, waiting)
    return PredictionTable.model_validate(dict(new) | changes)


def _table_in_force(
    field: str, old: Dataset | PredictionTable, new: Dataset | PredictionTable, waiting: Waiting
) -> dict[str, Any]:
    reasons = {
        "connection": "another table would stand under the same id",
        "table": "another table would stand under the same id",
        "time_column": "the period that the rows cover would no longer be shown as it was",
        "suite": "it would have to pass another suite, or none",
    }
    changes: dict[str, Any] = {}
    for name, why in reasons.items():
        before, after = getattr(old, name), getattr(new, name)
        weaker = before is not None and before != after
        changes[name] = waiting.keep(f"{field}.{name}", old, new, weaker, why)
    more = new.examples > old.examples
    why = "more values of rows would be kept outside the warehouse"
    changes["examples"] = waiting.keep(f"{field}.examples", old, new, more, why)
    changes["partition"] = _partition_in_force(f"{field}.partition", old.partition, new.partition, waiting)
    return changes


def _partition_in_force(field: str, old: Partition | None, new: Partition | None, waiting: Waiting) -> Partition | None:
    """Whatever is read by parts shows a change in place later than what is read whole."""
    if new is None:
        return None
    if old is None or (old.column, old.token) != (new.column, new.token):
        was, now = (partition.model_dump() if partition else None for partition in (old, new))
        why = "a change that leaves the token as it was would be noticed later"
        return old if waiting.holds(field, was, now, why) else new
    longer = new.rotation > old.rotation
    why = "partitions would be read again less often"
    return new.model_copy(update={"rotation": waiting.keep(f"{field}.rotation", old, new, longer, why)})


def _role_in_force(name: str, old: Role, new: Role | None, waiting: Waiting) -> Role | None:
    field = f"roles.{name}"
    if new is None:
        return old if waiting.holds(field, name, None, "nobody could answer for what the role answers for") else None
    why = "who may approve would change without those who may approve now"
    changed = bool(old.holders) and set(old.holders) != set(new.holders)
    return new.model_copy(update={"holders": waiting.keep(f"{field}.holders", old, new, changed, why)})


def _pairs(
    field: str, old: Sequence[AnyTable], new: Sequence[AnyTable], waiting: Waiting
) -> Iterable[tuple[str, AnyTable, AnyTable]]:
    """Each old table with the new one of its id, or with itself where it was dropped, which is named."""
    after: Mapping[str, AnyTable] = {table.id: table for table in new}
    for table in old:
        why = "nothing would be due for the table any more"
        if table.id not in after and not waiting.holds(f"{field}.{table.id}", table.id, None, why):
            continue
        yield f"{field}.{table.id}", table, after.get(table.id, table)


def _added(old: Sequence[AnyTable], new: Sequence[AnyTable]) -> list[AnyTable]:
    before = {table.id for table in old}
    return [table for table in new if table.id not in before]


def _free(table: Dataset | PredictionTable, taken: set[str]) -> bool:
    return not {table.id, table.uri} & taken


def _moved(old: str | None, new: str | None) -> bool:
    return old is not None and old != new


def _unmarked(old: System | Organisation, new: System | Organisation) -> bool:
    return old.demonstration is not None and new.demonstration is None


def _slower(old: str, new: str) -> bool:
    """Whether evidence would be due less often: a longer longest gap, or fewer ticks in all."""
    if old == new:
        return False
    (old_gap, old_count), (new_gap, new_count) = cadence(old), cadence(new)
    return new_gap > old_gap or new_count < old_count
