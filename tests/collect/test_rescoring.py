"""The whole way: a version fetched over REST, served apart, and asked again about rows that a warehouse recorded."""

import pickle

import duckdb
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affidavit.collect.artifacts import Artifacts
from affidavit.collect.rest import Api
from affidavit.collect.sandbox import Sandbox
from affidavit.collect.scoring import Scorer
from affidavit.inventory import Connection
from affidavit.measure.agreement import score_agreement
from affidavit.measure.asking import Feature
from affidavit.measure.robustness import flip_rates
from affidavit.warehouse import sample, snapshot

FEATURES = ["mean radius", "mean texture", "mean smoothness"]

LOADER = """
import pickle

class Model:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.model = pickle.load(file)

    def predict(self, model_input, params=None):
        return self.model.predict_proba(model_input)

def _load_pyfunc(path):
    return Model(path)
"""

FLAVOUR = """
flavors:
  python_function: {loader_module: pickled, code: code, data: model.pkl, python_version: 3.11.0}
model_uuid: 6a3b6a3b6a3b6a3b6a3b6a3b6a3b6a3b
utc_time_created: '2026-03-14 12:00:00'
"""


@pytest.fixture
def scored(tmp_path):
    """A saved model, and a warehouse with the scores that it gave, of which one in five is another now."""
    data = load_breast_cancer(as_frame=True)
    rows = data.data[FEATURES]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, data.target)
    (tmp_path / "model/code").mkdir(parents=True)
    (tmp_path / "model/code/pickled.py").write_text(LOADER)
    (tmp_path / "model/MLmodel").write_text(FLAVOUR)
    (tmp_path / "model/model.pkl").write_bytes(pickle.dumps(model))
    kept = rows.assign(id=range(len(rows)), score=model.predict_proba(rows)[:, 1])
    kept["moved"] = kept["score"].where(kept["id"] % 5 != 0, 0.123)
    with duckdb.connect(str(tmp_path / "bank.duckdb")) as connection:
        connection.register("kept", kept)
        connection.execute("CREATE TABLE scored AS SELECT * FROM kept")
    return tmp_path


@pytest.mark.nightly
def test_recorded_scores_are_answered_again_and_those_that_were_changed_are_not(team, scored):
    run = team.run()
    files = [path for path in (scored / "model").rglob("*") if path.is_file()]
    for path in files:
        team.artifact(run, str(path.relative_to(scored / "model")), path.read_bytes())
    where = Connection("bank", "duckdb", host=str(scored / "bank.duckdb"))
    with snapshot(where, timeout_seconds=20) as opened:
        columns = [*FEATURES, "score", "moved"]
        drawn = sample(opened, opened.table("scored"), key="id", columns=columns, rows=200, seed="1").columns
    table = {name: drawn[name] for name in FEATURES}
    with Sandbox(secrets=[scored / "bank.duckdb"]) as box:
        with Api(team.connection, product="MLflow") as server:
            uri = f"mlflow-artifacts:/{team.experiment_id}/{run}/artifacts"
            tree = Artifacts(server).save(uri, box.model, sha256=None, limit=10**8)
        assert len(tree.files) == len(files)
        api, _ = box.start()
        scorer = Scorer(api, part=1)
        again = scorer.scores(table)
        frame = {name: pd.Series(column).to_numpy(float) for name, column in table.items()}
        rates = flip_rates(
            lambda rows: [each > 0.5 for each in scorer.scores(rows)], frame, [Feature(FEATURES[0])], seed=1
        )
    assert score_agreement(drawn["score"], again, tolerance=1e-9).value == 1
    moved = score_agreement(drawn["moved"], again, tolerance=1e-9)
    assert moved.low < 0.8 < moved.high
    judged = {each.about: each for each in rates}
    assert judged["missing mean radius"].why == "the model refuses such rows"
    assert judged["noise in mean radius"].high < 0.2 < judged["unit x10 in mean radius"].low
