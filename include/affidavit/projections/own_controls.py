"""What is asked: the catalogue, and the controls of the organisation's own behind those of Annex A."""

from __future__ import annotations

from dataclasses import replace

from affidavit.catalogue import Catalogue, Requirement
from affidavit.inventory import OwnControl
from affidavit.projections.scope import ScopeState

OWN = "Controls of the organisation's own"


def with_own_controls(catalogue: Catalogue, organisation: ScopeState) -> Catalogue:
    """``catalogue``, and behind its controls those that the organisation has in force beside them, by id.

    A person judges each of these: no rule knows what they are about.
    """
    standing = organisation.organisation
    own = sorted(standing.value.own_controls, key=lambda control: control.id) if standing else ()
    return replace(catalogue, controls=(*catalogue.controls, *map(_requirement, own))) if own else catalogue


def _requirement(control: OwnControl) -> Requirement:
    return Requirement(
        id=control.id,
        clause=False,
        title=control.title,
        area=OWN,
        group="",
        scope="organisation",
        lifecycle=("cross_lifecycle",),
        topics=("governance",),
        automation="attestation",
        summary=control.title,
        check=control.question,
        question=control.question,
        evidence=(),
        crosswalks=(),
        parts=(),
    )
