"""What the seam to Airflow does, asked in an interpreter with an Airflow of its own; JSON on the last line."""

import json
import os
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

warnings.simplefilter("ignore")  # Airflow's own, while it is imported

from airflow.sdk import BaseNotifier  # noqa: E402
from airflow.sdk.execution_time.context import set_current_context  # noqa: E402

from affidavit import errors, operators  # noqa: E402
from affidavit.inventory.reminding import Channel  # noqa: E402
from affidavit.pages.reminder import Message  # noqa: E402

warnings.simplefilter("error")


def leaves(tree):
    yield tree
    for child in tree.__subclasses__():
        yield from leaves(child)


def raised(function, *arguments):
    try:
        return ["nothing", function(*arguments)]
    except Exception as error:
        return [type(error).__name__, str(error), type(error.__cause__).__name__]


def tasks():
    """For each error of ours, and one that is not: is it retryable, and what does the wrapped task raise?"""
    found = {}
    for kind in leaves(errors.AffidavitError):
        extra = {"size": 1} if kind is errors.HeadConflict else {}

        def fail(kind=kind, extra=extra):
            raise kind("it went wrong", where="here", fix="mend it", **extra)

        found[kind.__name__] = [kind.retryable, raised(operators.retry_what_can_help(fail))]

    @operators.retry_what_can_help
    def other():
        raise ValueError("not ours")

    @operators.retry_what_can_help
    def fine(n, *, more):
        return [n + more, os.environ["MLFLOW_DISABLE_TELEMETRY"]]

    return {"errors": found, "other": raised(other), "fine": fine(1, more=2), "name": fine.__name__}


def connection(connection_id):
    found = operators.connection(connection_id)
    return [found.id, found.type, found.host, found.port, found.login, found.password, found.schema, found.extra]


def visits(project):
    """The visit of runs that were scheduled, triggered without a time, and not started yet."""
    work = operators.workplace(Path(project))
    nine, noon = datetime(2026, 3, 14, 9, tzinfo=UTC), datetime(2026, 3, 16, 12, tzinfo=UTC)
    instance = SimpleNamespace(dag_id="evidence.loans", run_id="r-1", task_id="record", try_number=2)
    found = []
    for logical, after, started in ((nine, noon, noon), (None, nine, noon), (nine, nine, None)):
        run = SimpleNamespace(logical_date=logical, run_after=after, start_date=started)
        with set_current_context({"ti": instance, "dag_run": run}):
            visit = operators.visit(work, "loans")
        end = visit.slot.end.isoformat()
        fresh = started is None and abs((datetime.now(UTC) - visit.started).total_seconds()) < 3600
        found.append([visit.target, end, "now" if fresh else visit.started.isoformat(), vars_of(visit.airflow)])
    return found


class Post(BaseNotifier):
    """A notifier as a provider would have one: it renders its templates, and keeps what it would have sent."""

    template_fields = ("subject", "body")
    sent: ClassVar[list] = []

    def __init__(self, to, subject="{{ message.subject }}", body="{{ message.text | e }} ({{ run_id }})"):
        super().__init__()
        self.to, self.subject, self.body = to, subject, body

    def notify(self, context):
        if self.to == "nobody":
            raise RuntimeError("no such mailbox: secret@example.org")
        self.sent.append([self.to, self.subject, self.body])


def notices():
    """What a channel sends in the context of a task, and what each that cannot raises."""
    message = Message("1 missing", "<b> {{ 7 * 7 }}")
    channels = {
        "fine": ("__main__.Post", {"to": "lead"}),
        "failing": ("__main__.Post", {"to": "nobody"}),
        "arguments": ("__main__.Post", {"recipient": "lead"}),
        "absent": ("no.such.Class", {}),
        "nothing": ("__main__.Past", {}),
        "other": ("datetime.datetime", {}),
    }
    with set_current_context({"run_id": "r-1"}):
        said = {
            name: raised(operators.notify, Channel(id=name, notifier=notifier, arguments=arguments), message)
            for name, (notifier, arguments) in channels.items()
        }
    return {"sent": Post.sent, "said": said}


def vars_of(run):
    return [getattr(run, name) for name in type(run).__dataclass_fields__]


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "tasks": tasks(),
                "connection": connection("bank"),
                "missing": raised(connection, "vault"),
                "notices": notices(),
                "visits": visits(sys.argv[1]),
                "assets": [asset.uri for asset in operators.any_collected(Path(sys.argv[1])).objects],
            }
        )
    )
