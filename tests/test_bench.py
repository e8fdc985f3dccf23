import json
import subprocess
import sys
import types

import pytest

from affidavit.inventory import load
from bench import __main__ as command
from bench import dag_parse
from bench.measurement import Measurement, NotComparable

ROOT = dag_parse.ROOT


def measurement(ours, name="tiny"):
    return Measurement(name, ours, 2.0, "seconds", 0.5, {"rows": 10})


@pytest.fixture
def bench(monkeypatch, capsys):
    """Runs the command over measurements that a test makes up."""

    def run(arguments, **measurements):
        for name, measure in measurements.items():
            module = types.ModuleType(f"bench.{name}")
            module.measure = measure
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(command, "names", lambda: sorted(name.replace("_", "-") for name in measurements))
        code = command.main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_without_a_name_the_measurements_are_listed():
    done = subprocess.run([sys.executable, "-m", "bench"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "dag-parse" in done.stdout.split()
    assert set(done.stdout.split()) == set(command.names())


def test_every_module_is_a_measurement():
    for name in command.names():
        module = __import__(f"bench.{name.replace('-', '_')}", fromlist=["measure"])
        assert callable(module.measure)
        assert f"``{name}``" in module.__doc__


def test_one_measurement_is_one_line_of_json(bench):
    code, out, _ = bench(["a-b"], a_b=lambda: measurement(1 / 3, "a-b"))
    assert code == 0
    assert list(json.loads(out)) == ["name", "ours", "other", "unit", "ratio", "bound", "sizes"]
    assert json.loads(out) == {
        "name": "a-b",
        "ours": 0.3333,
        "other": 2.0,
        "unit": "seconds",
        "ratio": 0.1667,
        "bound": 0.5,
        "sizes": {"rows": 10},
    }


def test_above_the_bound_the_command_fails(bench):
    assert bench(["tiny"], tiny=lambda: measurement(1.0))[0] == 0
    assert bench(["tiny"], tiny=lambda: measurement(1.0001))[0] == 1


def test_all_of_them_are_drawn_and_one_above_its_bound_is_enough(bench):
    code, out, _ = bench(["all"], good=lambda: measurement(0.5, "good"), bad=lambda: measurement(1.5, "bad"))
    assert code == 1
    assert [json.loads(line)["name"] for line in out.splitlines() if line.startswith("{")] == ["bad", "good"]
    assert "above" in out
    assert "within" in out


def test_an_unknown_name_lists_what_there_is(bench):
    code, out, err = bench(["zzz"], tiny=lambda: measurement(1.0))
    assert (code, out) == (2, "")
    assert "tiny" in err


def test_sides_that_cannot_be_compared_give_no_figure(bench):
    def measure():
        raise NotComparable("parsing loads pandas")

    code, out, err = bench(["tiny"], tiny=measure)
    assert (code, out, err) == (1, "", "tiny: parsing loads pandas\n")


def test_one_without_a_figure_keeps_none_of_the_others_from_being_drawn(bench):
    def measure():
        raise NotComparable("the peer cannot be had")

    code, out, err = bench(["all"], absent=measure, good=lambda: measurement(0.5, "good"))
    assert (code, err) == (1, "absent: the peer cannot be had\n")
    assert "within" in out


def test_one_that_fails_keeps_none_of_the_others_from_being_drawn(bench):
    def measure():
        raise ZeroDivisionError("as intended")

    code, out, err = bench(["all"], broken=measure, good=lambda: measurement(0.5, "good"))
    assert (code, err.splitlines()[0], err.splitlines()[-1]) == (
        1,
        "broken: failed",
        "ZeroDivisionError: as intended",
    )
    assert "within" in out


def test_a_generated_project_is_a_whole_inventory(tmp_path):
    project = dag_parse.write_project(tmp_path / "p", 3)
    inventory = load(project / "include", project / "expectations")
    assert sorted(inventory.systems) == ["system-000", "system-001", "system-002"]


def test_parsing_gives_a_dag_for_each_system_and_loads_nothing_heavy(tmp_path):
    found = dag_parse._probe(tmp_path, dag_parse.write_project(tmp_path / "p", 2))
    dag_parse._compare(found, 2)
    with pytest.raises(NotComparable, match="3 AI systems gave"):
        dag_parse._compare(found | {"dags": 2}, 3)
    with pytest.raises(NotComparable, match="loads mlflow, pandas"):
        dag_parse._compare(found | {"new": ["pandas", "yaml", "mlflow"]}, 2)


def test_a_dag_file_that_fails_gives_no_figure(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("raise RuntimeError('as intended')")
    monkeypatch.setattr(dag_parse, "DAG_FILE", tmp_path / "broken.py")
    with pytest.raises(NotComparable, match="as intended"):
        dag_parse._probe(tmp_path, tmp_path)
