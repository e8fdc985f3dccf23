import io
import json

import pytest
from rich.console import Console

from affidavit.errors import SourceUnavailable
from demo import __main__ as command


def test_an_unknown_command_is_a_usage_error():
    with pytest.raises(SystemExit) as caught:
        command.main(["fly"])

    assert caught.value.code == 2


def test_an_error_shows_the_end_of_the_log_it_names(tmp_path):
    log = tmp_path / "mlflow.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)) + "port [taken]\n")
    console = Console(file=io.StringIO(), width=200, soft_wrap=True)

    command.complain(SourceUnavailable("MLflow ended", where=str(log), fix="read it"), console)

    shown = console.file.getvalue()
    assert "port [taken]" in shown
    assert "line 99" in shown
    assert "line 1\n" not in shown
    assert "MLflow ended" in shown
    assert "read it" in shown


def test_an_error_without_a_log_shows_itself():
    console = Console(file=io.StringIO(), width=200, soft_wrap=True)

    command.complain(SourceUnavailable("gone", where="somewhere", fix="look"), console)

    assert console.file.getvalue() == "error somewhere: gone\nfix   look\n"


def test_airflows_json_lines_become_readable():
    line = {
        "level": "error",
        "event": "Task failed",
        "error_detail": [{"exc_type": "SourceRefused", "exc_value": "no table"}],
    }

    assert command.readable(json.dumps(line)) == "error Task failed | SourceRefused: no table"


@pytest.mark.parametrize("line", ["plain text", "[1]", '"text"', '{"level": "info"}', "{"])
def test_any_other_line_stays_as_it_is(line):
    assert command.readable(line) == line
