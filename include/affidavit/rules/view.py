"""What a check may look at: one scope, the whole state around it, and policy values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from affidavit.catalogue import Policy
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.inventory import Dataset, Organisation, PredictionTable, System
from affidavit.inventory.loosening import Loosening, dropped_system
from affidavit.projections import InUse, ScopeState, State, in_use


@dataclass(frozen=True)
class ScopeView:
    """The state as one scope sees it. What is declared is read as it is in force."""

    scope: str
    state: State
    policy: Policy

    @cached_property
    def mine(self) -> ScopeState:
        """The scope's own state."""
        return self.state.scope(self.scope)

    @cached_property
    def systems(self) -> tuple[ScopeState, ...]:
        """The AI systems that the scope is about: itself, or all that are not retired."""
        return self.state.active if self.scope == ORGANISATION_SCOPE else (self.mine,)

    @cached_property
    def dropped(self) -> tuple[Loosening, ...]:
        """For each of :attr:`systems` whose file is gone, the weakening that lies in that."""
        return tuple(dropped_system(scope.name.removeprefix("system:")) for scope in self.state.dropped(self.systems))

    @property
    def system(self) -> System | None:
        """The AI system as in force; None where the scope is none, or its declaration was never recorded."""
        return self.mine.system.value if self.mine.system else None

    @property
    def organisation(self) -> Organisation | None:
        """The organisation as in force."""
        standing = self.state.organisation.organisation
        return standing.value if standing else None

    @cached_property
    def in_use(self) -> tuple[InUse, ...]:
        """What is in use, for each registered model of the AI system."""
        return in_use(self.mine)

    def tables(self, uses: tuple[str, ...] = ()) -> tuple[Dataset | PredictionTable, ...]:
        """The AI system's tables; of the given uses only, where any are given."""
        tables = self.system.tables if self.system else ()
        return tuple(table for table in tables if not uses or table.use in uses)
