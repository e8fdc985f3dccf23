"""What a past date showed, kept as rows: one indexed read instead of a fold of everything before it.

    tables    the rows: which judgement stood from when to when, and under which head
    postures  builds them from the fold, reads them, and checks them against it

A view is rebuildable and never evidence: the pure fold is the oracle. Rows that were made by other rules, projections
or another catalogue are dropped and made again; what a view does not hold is folded.
"""

from affidavit.views.postures import Postures

__all__ = ["Postures"]
