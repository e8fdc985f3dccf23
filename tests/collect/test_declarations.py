"""What is recorded of the organisation's own files."""

from datetime import UTC, datetime

from affidavit.collect.declarations import look_at_organisation
from affidavit.evidence import Circumstances
from affidavit.inventory import Organisation

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def look(*accounts):
    organisation = Organisation.model_validate(
        {
            "id": "bank",
            "title": "Bank",
            "roles": {"lead": {"title": "Lead", "holders": ["p-1"]}},
            "people": {"p-1": {"accounts": list(accounts), "competence": ["A.7"]}},
        }
    )
    [draft] = look_at_organisation(organisation, systems=("loans",), seen=Circumstances(NOW)).drafts
    return draft


def test_accounts_of_people_stay_out_of_the_ledger():
    draft = look("ann@bank.example")
    assert b"ann@bank" not in draft.seal(None)
    assert draft.facts["organisation"]["people"]["p-1"]["competence"] == ["A.7"]
    assert draft.statement.facts_digest == look("eve@bank.example").statement.facts_digest
