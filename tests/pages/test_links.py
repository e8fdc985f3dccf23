import pytest

from affidavit.pages.links import Links, anchor, plain


def test_addresses_are_relative_to_the_page():
    assert Links().entry(7) == "entries/7.html"
    assert Links(depth=1).control("A.7.4") == "../controls/A.7.4.html"
    assert Links(depth=1).overview == "../index.html"


@pytest.mark.parametrize(
    "text",
    ["../../etc/passwd", "..", ".hidden", "a/b", "a\\b", "javascript:alert(1)", "", "x" * 100, "ö", "a b", "%2e"],
)
def test_a_name_never_chooses_its_place(text: str):
    assert plain(text).startswith("x-")
    assert plain(text).removeprefix("x-").isalnum()


def test_different_names_get_different_places():
    assert plain("a/b") != plain("a b")
    assert anchor("system:a", "A.2.2") == "system-a--A.2.2"
    assert anchor("system:a") != anchor("system:b")
