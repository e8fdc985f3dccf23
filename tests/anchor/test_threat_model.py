"""Each defence in the threat model names a test that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"\| `(tests/[\w/]+\.py)`: `(test_\w+)` \|$", re.MULTILINE)


def test_every_test_that_the_threat_model_names_exists():
    text = (ROOT / "docs/threat-model.md").read_text()
    rows = ROW.findall(text)
    assert len(rows) == text.count("`test_") > 30
    for file, name in rows:
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}: {name}"
