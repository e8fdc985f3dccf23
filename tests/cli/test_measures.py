"""``affidavit measures`` says of each installed measure whether it keeps the contract."""

from tests.collect.test_custom import offered

__all__ = ["offered"]


def test_none_is_no_error(run, project):
    done = run("measures")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no entry point of the group affidavit.measures" in done.stdout


def test_each_is_named_with_its_package_and_one_that_breaks_it_is_an_exit_code(run, project, offered):
    done = run("measures")
    assert done.returncode == 1
    assert "cost_of_errors (measures-of-theirs 1.2): keeps the contract, of binary" in done.stdout
    assert "broken (measures-of-theirs 1.2): breaks the contract: of an empty table it gives a value" in done.stdout
