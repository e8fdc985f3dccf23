"""State into verdicts, by named checks. Pure: the date is an argument.

``judge`` asks every requirement of the catalogue in every scope that it is about; its parts are checks, frozen and
numbered (``suites_passed/1``), in ``collected``, ``declared``, ``models``, ``registers``, ``serving`` and ``tables``. A
total is never better than its worst part, no part is supported by the mere existence of an entry, and where no
collector yields the evidence the part is missing. A requirement that needs a person waits for judgement at best.
``operation`` counts, over a period, the instances in which a control was shown to operate, and names each exception.
"""

from affidavit.rules.assessment import assessment_facts, digest
from affidavit.rules.judge import judge, judge_scope, scopes_judged
from affidavit.rules.operation import Lapse, Operation, operation
from affidavit.rules.verdict import WORST_FIRST, Part, Status, Verdict, worst

__all__ = [
    "WORST_FIRST",
    "Lapse",
    "Operation",
    "Part",
    "Status",
    "Verdict",
    "assessment_facts",
    "digest",
    "judge",
    "judge_scope",
    "operation",
    "scopes_judged",
    "worst",
]
