"""``affidavit assess``."""

from __future__ import annotations

from affidavit.cli.terminal import mark, now, out, workplace


def assess() -> None:
    """Judge every control, record what changed, and write the auditor's site."""
    from affidavit.pipeline import posture
    from affidavit.rules.registry import count

    work = workplace()
    judged, changed = posture.assess(work, now=now())
    report = posture.publish(work, now=now())
    out.print("  ".join(f"{mark(status)} {number}" for status, number in posture.counts(judged.verdicts).items()))
    out.print(f"{count(changed, 'changed scope')} recorded; site: {report.index}")
