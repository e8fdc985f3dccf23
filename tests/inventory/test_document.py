import pytest

from affidavit.errors import InventoryError, SuiteError
from affidavit.inventory.document import MAX_BYTES, read


@pytest.fixture
def parse(tmp_path):
    def parse(text):
        path = tmp_path / "include" / "organisation.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, error=InventoryError)

    return parse


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("010", 10),
        ("-7", -7),
        ("0x10", 16),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("null", None),
        ("", None),
        ("'5'", "5"),
        ("'true'", "true"),
        ("|\n  5\n", "5\n"),
        ("[1, [a]]", [1, ["a"]]),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(parse, written, meant):
    assert parse(f"a: {written}").value == {"a": meant}


def test_each_field_knows_its_line(parse):
    document = parse("a: 1\nb:\n  - c: 2\n    d: 3\n")
    assert document.where(("b", 0, "d")) == "include/organisation.yaml, line 4, b[0].d"
    assert document.where(("b", 0, "absent")) == "include/organisation.yaml, line 3, b[0].absent"
    assert document.where(("absent",)) == "include/organisation.yaml, line 1, absent"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, a: the key appears twice (first on line 1)"),
        ("a: {b: 1, b: 2}", "line 1, a.b: the key appears twice"),
        ("a: &x 1\nb: *x", "line 1, a: anchors and aliases"),
        ("a: *x", "line 1, a: anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]", "line 1, a: tags are not read"),
        ("a: !x {b: 1}", "line 1, a: tags are not read"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("? [a]\n: 1", "line 1: a key must be plain text"),
        ("a: .nan", "line 1, a: a number beyond"),
        ("a: -.inf", "line 1, a: a number beyond"),
        ("a: 1e999", "line 1, a: a number beyond"),
        ("a: 9007199254740992", "line 1, a: a number beyond"),
        ("a: " + "9" * 100_000, "line 1, a: a number beyond"),
        ('a: "\\e[31m"', "the invisible character U+001B"),
        ("a: 'x\u202ey'", "the invisible character U+202E"),
        ("a: [1", "not YAML"),
        ("\ta: 1", "line 1: not YAML"),
        ("a: \x07", "not YAML (a character"),
        ("- 1", "not a mapping"),
        ("", "empty"),
        ("# nothing\n", "empty"),
        (b"a: \xff", "not UTF-8 text at byte 3"),
        ("[" * 200_000, "nested more than 16 levels"),
        ("a: " * 40, "not YAML"),
        ("{a: " * 20, "nested more than 16 levels"),
        (b"a: " + b"x" * MAX_BYTES, "more than 1,000,000 bytes"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(parse, text, problem):
    with pytest.raises(InventoryError) as caught:
        parse(text)
    assert problem in caught.value.text
    assert caught.value.where.startswith("include/organisation.yaml")
    assert caught.value.fix
    assert len(caught.value.text) < 300


def test_a_byte_order_mark_is_no_part_of_the_first_key(parse):
    assert parse(b"\xef\xbb\xbfa: 1").value == {"a": 1}


def test_a_file_that_is_not_there_or_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SuiteError, match=r"expectations/x\.yaml: there is no such file"):
        read(tmp_path / "expectations" / "x.yaml", error=SuiteError)
    (tmp_path / "systems" / "x.yaml").mkdir(parents=True)
    with pytest.raises(InventoryError, match=r"systems/x\.yaml: cannot be read \(Is a directory\)"):
        read(tmp_path / "systems" / "x.yaml", error=InventoryError)
