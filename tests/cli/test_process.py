"""``affidavit`` as a process: it says and exits as in this one, where other tests run it, and prints nothing else."""

import re

from tests.cli.test_commands import tamper

COMMANDS = [
    (0, ("show", "0", "--json")),
    (0, ("status", "loans", "--as-of", "2026-03-15")),
    (1, ("verify",)),
    (2, ("collect", "laons")),
    (2, ("verify", "--nonsense")),
]


def said(done):
    """Its exit code and all that it printed, but for how long ago something was."""
    return done.returncode, re.sub(r"\d+ minutes", "some minutes", done.stdout), done.stderr


def test_a_process_prints_and_exits_as_the_same_command_in_this_one(run, process, project):
    project.collect()
    for code, words in COMMANDS:
        apart = process(*words)
        assert said(apart) == said(run(*words))
        assert apart.returncode == code
        assert apart.stdout + apart.stderr
    tamper(project, 'DELETE FROM entries WHERE "index" = 0')
    apart = process("verify")
    assert said(apart) == said(run("verify"))
    assert apart.returncode == 3


def test_nothing_but_the_answer_is_printed(process, project):
    """Great Expectations and DuckDB's binding print while they are loaded, and while the interpreter is torn down."""
    done = process("collect", "loans")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
