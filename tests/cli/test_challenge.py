"""``affidavit challenge`` says whether the planted defect was caught, and verification names what stands aside."""


def test_what_is_caught_and_what_is_missed_have_exit_codes_and_are_named_by_verify(run, project):
    done = run("challenge", "loans", "--bad-table", "loans-train", "--defect", "missing", "--column", "amount")
    assert (done.returncode, done.stderr) == (0, "")
    assert "missing in amount: caught after" in done.stdout
    assert "expect_column_values_to_not_be_null:amount" in done.stdout
    missed = run("challenge", "loans", "--bad-table", "loans-train", "--defect", "repeated")
    assert missed.returncode == 1
    assert "repeated: not caught" in missed.stdout
    said = run("verify").stdout
    # Of either challenge two copies, each looked at and validated.
    assert "8 entries: a canary: a control is challenged with planted defects, and this is no evidence" in said


def test_a_defect_and_its_column_go_together(run, project):
    for options in (["--column", "amount"], ["--defect", "missing"], ["--defect", "repeated", "--column", "amount"]):
        done = run("challenge", "loans", "--bad-table", "loans-train", *options)
        assert done.returncode == 2
        assert "--column" in done.stderr
