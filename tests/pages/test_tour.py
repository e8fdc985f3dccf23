"""The rooms' tours name each module that there is, and none that there is not."""

import re
from pathlib import Path

import pytest

import affidavit.collect
import affidavit.pages


@pytest.mark.parametrize("room", [affidavit.collect, affidavit.pages])
def test_the_tour_names_the_modules_of_the_room(room):
    lines = re.findall(r"^    (\w+ {2,}.+)$", room.__doc__, re.MULTILINE)
    named = {name for line in lines for name in re.findall(r"(?:^|;  )(\w+)  ", line)}
    there = {path.stem for path in Path(room.__file__).parent.glob("*.py")} - {"__init__"}
    assert named == there
