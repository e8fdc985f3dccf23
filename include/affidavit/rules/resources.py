"""The check of what training took: recorded of the run of each version in use, or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from affidavit.evidence.measured import measured_name
from affidavit.projections import InUse
from affidavit.rules.measurements import estimates_of
from affidavit.rules.models import each_version, trail
from affidavit.rules.registry import Outcome, check
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

_PROCESSORS = ("cpu_utilization_percentage_max", "gpu_utilization_percentage_max")
_SWITCH_ON = (
    "Call mlflow.enable_system_metrics_logging() where the model is trained, before the run starts, with psutil "
    "installed there; then train again"
)


@check(
    "resources_recorded/1",
    limits="That the times and samples are the machine's own: MLflow records what it is told. What serving takes, and "
    "energy where no graphics processor reports its power.",
)
def _resources_recorded(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(used: InUse) -> Outcome:
        if absent := trail(used):
            return absent
        measured = view.mine.measurements.get(measured_name(used.home, "resources", version=used.version_name))
        if not measured:
            sentence = f"What the run of {used.label} took was never looked at."
            return Outcome(Status.MISSING, sentence, used.entries, "Run the collection, and read the log of the task")
        entries = (*used.entries, measured[-1])
        found = {each.measure: each.value for each in estimates_of(measured[-1])}
        if not found.get("training_time_total"):
            sentence = f"The run of {used.label} does not say how long it took."
            return Outcome(Status.MISSING, sentence, entries, "Let the run end (mlflow.end_run), and keep its times")
        if all(found.get(name) is None for name in _PROCESSORS):
            sentence = f"The run of {used.label} records no use of a processor."
            return Outcome(Status.MISSING, sentence, entries, _SWITCH_ON)
        return Outcome(Status.SUPPORTED, "", entries)

    return each_version(view, at, judge, "its run records how long it took, and what of the machine.")
