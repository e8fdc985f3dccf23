import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from affidavit.inventory.load import load

# How long one example takes says nothing here.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

ROOT = Path(__file__).resolve().parents[2]


class Project:
    """A copy of the demo's declarations that a test may spoil."""

    def __init__(self, root):
        self.root = root
        self.include = root / "include"
        self.suites = root / "expectations"
        self.systems = self.include / "systems"
        self.mortgage = self.systems / "mortgage-approval.yaml"
        self.organisation = self.include / "organisation.yaml"
        self.applications = self.suites / "applications.yaml"

    def spoil(self, path, old, new):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


@pytest.fixture
def project(tmp_path):
    shutil.copytree(ROOT / "expectations", tmp_path / "expectations")
    shutil.copytree(ROOT / "include" / "systems", tmp_path / "include" / "systems")
    shutil.copy(ROOT / "include" / "organisation.yaml", tmp_path / "include")
    return Project(tmp_path)


@pytest.fixture(scope="session")
def inventory():
    return load(ROOT / "include", ROOT / "expectations")
