import dataclasses
from pathlib import Path

import pytest

from affidavit.errors import ConfigurationError
from affidavit.settings import TELEMETRY_OFF, Settings, quiet

HOME = Path("/srv/governance")


def test_without_a_variable_everything_lies_in_the_project():
    settings = Settings.read({"PATH": "/bin"}, HOME)
    assert settings.include_dir == HOME / "include"
    assert settings.suites_dir == HOME / "expectations"
    assert settings.ledger_url == "sqlite:////srv/governance/.affidavit/ledger.db"
    assert settings.blobs_url == "file:///srv/governance/.affidavit/blobs"
    assert settings.staging_url == "file:///srv/governance/.affidavit/staging"
    assert settings.key_file == HOME / ".affidavit" / "signer.key"
    assert settings.signer_url is None
    assert settings.site_dir == HOME / ".affidavit" / "site"


def test_each_variable_is_heard():
    given = {
        "AFFIDAVIT_PROJECT": "/elsewhere",
        "AFFIDAVIT_LEDGER_URL": "postgresql+psycopg://u:secret@db:5432/ledger?sslmode=require",
        "AFFIDAVIT_BLOBS_URL": "s3://bucket/blobs",
        "AFFIDAVIT_KEY_FILE": "/keys/signer.key",
        "AFFIDAVIT_SIGNER_URL": "unix:///run/signer",
        "AFFIDAVIT_SITE_DIR": "/www",
        "AFFIDAVIT_STAGING_URL": "/staging",
    }
    settings = Settings.read(given, HOME)
    assert settings == Settings(
        project=Path("/elsewhere"),
        ledger_url=given["AFFIDAVIT_LEDGER_URL"],
        blobs_url="s3://bucket/blobs",
        key_file=Path("/keys/signer.key"),
        signer_url="unix:///run/signer",
        site_dir=Path("/www"),
        staging_url="/staging",
    )
    assert settings.shown_ledger_url == "postgresql+psycopg://u@db:5432/ledger"
    assert "secret" not in repr(settings)


def test_a_sqlite_url_is_shown_as_it_is():
    assert Settings.read({}, HOME).shown_ledger_url == "sqlite:////srv/governance/.affidavit/ledger.db"


def test_a_relative_project_is_made_absolute():
    assert Settings.read({}, Path("here")).project == Path.cwd() / "here"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("AFFIDAVIT_LEDGER_ULR", "sqlite:////l.db", "did you mean 'AFFIDAVIT_LEDGER_URL'?"),
        ("AFFIDAVIT_ZZZ", "1", "the variables are AFFIDAVIT_PROJECT"),
        ("AFFIDAVIT_KEY_FILE", " ", "empty"),
        ("AFFIDAVIT_PROJECT", "", "empty"),
        ("AFFIDAVIT_KEY_FILE", "keys/signer", "absolute"),
        ("AFFIDAVIT_SIGNER_URL", "unix://relative", "unix:///path/to/socket"),
        ("AFFIDAVIT_SIGNER_URL", "ftp://host", "unix:///path/to/socket"),
        ("AFFIDAVIT_SITE_DIR", "site", "absolute"),
        ("AFFIDAVIT_LEDGER_URL", "/srv/ledger.db", "not a database URL"),
        ("AFFIDAVIT_LEDGER_URL", "mysql://u:hunter2@h/db", "not a database URL"),
        ("AFFIDAVIT_LEDGER_URL", "sqlite:///ledger.db", "absolute path"),
        ("AFFIDAVIT_LEDGER_URL", "sqlite://", "absolute path"),
        ("AFFIDAVIT_LEDGER_URL", "sqlite+pysqlite:///:memory:", "absolute path"),
        ("AFFIDAVIT_BLOBS_URL", "blobs", "absolute path"),
        ("AFFIDAVIT_STAGING_URL", "memory://x", "gone when the process ends"),
    ],
)
def test_nonsense_is_refused_by_name(name, value, problem):
    with pytest.raises(ConfigurationError) as caught:
        Settings.read({name: value}, HOME)
    assert caught.value.where == name
    assert problem in caught.value.text
    assert caught.value.fix
    assert "hunter2" not in caught.value.text


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.read({}, HOME).project = HOME


def test_quiet_switches_off_whatever_was_on():
    environ = {"GX_ANALYTICS_ENABLED": "true", "HOME": "/root"}
    quiet(environ)
    assert environ == {"HOME": "/root", **TELEMETRY_OFF}
    assert environ["GX_ANALYTICS_ENABLED"] == "false"
    assert environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
