from pathlib import Path

from affidavit.inventory.schema import MODELS, schemas, write

ROOT = Path(__file__).resolve().parents[2]


def test_the_schema_files_are_current(tmp_path):
    write(tmp_path)
    kept = {path.name: path.read_text() for path in (ROOT / "include" / "schema").iterdir()}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == kept == schemas(), "run make schema"


def test_each_file_names_the_schema_that_it_follows():
    for path in [*(ROOT / "include").rglob("*.yaml"), *(ROOT / "expectations").glob("*.yaml")]:
        if "affidavit" in path.parts or path.parent.name == "records":  # books: collected, and no declaration
            continue
        first = path.read_text().splitlines()[0]
        named = path.parent / first.removeprefix("# yaml-language-server: $schema=")
        assert named.resolve().name.removesuffix(".schema.json") in MODELS
        assert named.exists()


def test_an_unknown_key_is_refused_by_the_schema_too():
    for text in schemas().values():
        assert '"additionalProperties": false' in text
