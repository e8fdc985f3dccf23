"""What the demo does, in order: servers up, data in, models trained, DAGs run, decisions made, servers down."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from rich.console import Console

from affidavit.errors import SourceRefused, SourceUnavailable
from demo import agent, deciding, environment, summary, warehouses
from demo.airflow_api import FINISHED, Airflow, Question
from demo.deciding import Answer
from demo.layout import Layout
from demo.servers import Server, Servers, answers, free_ports, only_one, stop_recorded
from demo.steps import Note, Steps

EVIDENCE = (
    "evidence.mortgage-approval",
    "evidence.tumour-triage",
    "evidence.applicant-helpdesk",
    "evidence.organisation",
)
POSTURE = "posture"
AUDIT = "ledger_audit"
TEAMS = ("mortgage", "tumour")

START_SECONDS = 180
RUN_SECONDS = 300
QUIET_SECONDS = 20


@dataclass(frozen=True)
class Stage:
    """What every step of the story needs."""

    layout: Layout
    steps: Steps
    servers: Servers
    mlflow_port: int
    airflow_port: int
    execution_port: int
    environ: Mapping[str, str]

    @property
    def tracking(self) -> str:
        """MLflow's URL."""
        return _url(self.mlflow_port)

    @property
    def airflow_url(self) -> str:
        """Airflow's URL."""
        return _url(self.airflow_port)

    def start(self, name: str, command: list[str], env: Mapping[str, str], *, job: bool = False) -> Server:
        """Start a server or job with its own log."""
        return self.servers.start(name, command, env=env, log=self.layout.logs / f"{name}.log", job=job)


def play(layout: Layout, console: Console, *, environ: Mapping[str, str], leave: bool = False) -> None:
    """The whole demo. Servers are stopped whatever happens, unless all went well and they were to be left.

    Raises ``AffidavitError`` naming the log to read. A ``.demo`` of an earlier time is stopped and removed first.
    """
    steps = Steps(console)
    with only_one(layout.root / "demo"):
        _clear(layout, steps)
        servers = Servers(layout.servers, cwd=layout.root)
        mlflow_port, airflow_port, execution_port = free_ports(3)
        environ = environment.with_affidavit(
            environment.base(environ, layout=layout), layout=layout, tracking=_url(mlflow_port)
        )
        stage = Stage(layout, steps, servers, mlflow_port, airflow_port, execution_port, environ)
        left = False
        try:
            passwords = environment.write_passwords(layout.passwords)
            _act(stage, passwords, console)
            if leave:
                servers.leave()
                left = True
                _farewell(stage, passwords, console)
        finally:
            if not left:
                _stop(stage)
        console.print("Check it yourself:")
        for name in ("AFFIDAVIT_LEDGER_URL", "AFFIDAVIT_BLOBS_URL"):
            console.print(f"  export {name}={shlex.quote(environ[name])}")
        console.print(f"  {shlex.quote(str(layout.affidavit))} verify")
        console.print(f"Done in {steps.seconds:.0f} s.")


def stop(layout: Layout, console: Console) -> None:
    """Stop what ``up`` left running; what it made stays."""
    with only_one(layout.root / "demo"), Steps(console).step("Stopping servers") as note:
        note(", ".join(stop_recorded(layout.servers)) or "none was running")


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _clear(layout: Layout, steps: Steps) -> None:
    with steps.step("Clearing the stage") as note:
        stopped = stop_recorded(layout.servers)
        existed = layout.home.exists()
        if existed:
            shutil.rmtree(layout.home)
        for folder in (layout.home, layout.logs, layout.airflow, layout.mlflow, layout.blobs, layout.staging):
            folder.mkdir(mode=0o700)
        note(
            "; ".join(
                filter(
                    None,
                    [f"stopped {', '.join(stopped)}" if stopped else "", "removed the old .demo" if existed else ""],
                )
            )
        )


def _act(stage: Stage, passwords: Mapping[str, str], console: Console) -> None:
    airflow_env = environment.with_airflow(
        stage.environ,
        layout=stage.layout,
        url=stage.airflow_url,
        execution_url=_url(stage.execution_port),
        password=passwords[environment.SERVICE],
    )
    prepared = _prepare(stage, airflow_env)
    _load(stage)
    _airflow_up(stage, airflow_env, prepared)
    _mlflow_up(stage)
    asked = _ask_help_desk(stage)
    _train(stage, 1)
    stage.servers.finish(asked, seconds=START_SECONDS)
    airflow = _open_airflow(stage, airflow_env, passwords)
    try:
        # Whatever judges a version has to stand before it is trained: so there is a look between two rounds.
        _collect(stage, airflow, "Collecting evidence, and with it what will be asked of the next version")
        _train(stage, 2)
        _collect(stage, airflow, "Collecting evidence of the next version")
        collected = {(dag_id, run_id) for dag_id in EVIDENCE for run_id in airflow.runs(dag_id)}
        _judge(stage, airflow, "Judging the posture, which the new evidence has triggered", collected)
        _decide(stage, airflow, passwords, deciding.FIRST)
        _decide(stage, airflow, passwords, deciding.SECOND)
        _run(stage, airflow, "Verifying the ledger in Airflow", [AUDIT])
    finally:
        airflow.close()
    with stage.steps.step("Reading the posture back from the ledger"):
        found = summary.read(stage.layout, environment=stage.environ)
        summary.write(found, stage.layout.summary)
    summary.show(found, console)


def _prepare(stage: Stage, airflow_env: Mapping[str, str]) -> list[Server]:
    """Start what takes long and waits for nobody: MLflow, Airflow's database, the ledger."""
    layout = stage.layout
    command = ["server", "--host", "127.0.0.1", "--port", str(stage.mlflow_port), "--workers", "1"]
    stores = [
        "--backend-store-uri", f"sqlite:///{layout.mlflow / 'mlflow.db'}",
        "--artifacts-destination", str(layout.mlflow / "artifacts"),
    ]  # fmt: skip
    python = [sys.executable, "-P", "-m"]
    stage.start("mlflow", [*python, "mlflow", *command, *stores], environment.with_mlflow_server(stage.environ))
    return [
        stage.start("airflow-database", [*python, "airflow", "db", "migrate"], airflow_env, job=True),
        stage.start("ledger", [str(layout.affidavit), "init"], stage.environ, job=True),
    ]


def _load(stage: Stage) -> None:
    layout = stage.layout
    with stage.steps.step("Loading real data into DuckDB") as note:
        bank = warehouses.load_bank(layout.bank, csv=layout.root / "demo" / "data" / "hmda_boston.csv")
        clinic = warehouses.load_clinic(layout.clinic)
        note(f"{sum(bank.values())} mortgage applications, {sum(clinic.values())} tumour samples")


def _airflow_up(stage: Stage, airflow_env: Mapping[str, str], prepared: list[Server]) -> None:
    with stage.steps.step("Making the ledger and Airflow's database"):
        for job in prepared:
            stage.servers.finish(job, seconds=START_SECONDS)
    python = [sys.executable, "-P", "-m", "airflow"]
    # One server for people and one for tasks. In one process on SQLite they lock each other out: what logs a person's
    # action waits for the database in the very thread that a task's transaction needs in order to end.
    for name, apps, port in (
        ("api-server", "core", stage.airflow_port),
        ("execution-server", "execution", stage.execution_port),
    ):
        stage.start(
            name, [*python, "api-server", "--apps", apps, "--host", "127.0.0.1", "--port", str(port)], airflow_env
        )
    # No log server of its own: the API server reads the same disk, and 8793 may be another Airflow's.
    stage.start("scheduler", [*python, "scheduler", "--skip-serve-logs"], airflow_env)


def _mlflow_up(stage: Stage) -> None:
    with stage.steps.step("Starting MLflow") as note:
        note(stage.tracking)
        _answering(stage, "mlflow", port=stage.mlflow_port, path="/health")


def _ask_help_desk(stage: Stage) -> Server:
    """Let the scripted help desk write its traces, while models are trained."""
    env = environment.with_training(stage.environ, layout=stage.layout, tracking=stage.tracking) | agent.CLIENT
    return stage.start("help-desk", [sys.executable, "-P", "demo/agent.py"], env, job=True)


def _train(stage: Stage, tried: int) -> None:
    layout, servers = stage.layout, stage.servers
    with stage.steps.step(f"Training models and logging them to MLflow, round {tried}") as note:
        env = environment.with_training(stage.environ, layout=layout, tracking=stage.tracking)
        stores = dict(zip(TEAMS, (layout.bank, layout.clinic), strict=True))
        jobs = [
            # -P: a script's own folder must not hide packages; run from the checkout, so that MLflow sees its commit.
            stage.start(
                f"train-{team}-{tried}",
                [sys.executable, "-P", f"demo/train_{team}.py", str(store), str(tried)],
                env,
                job=True,
            )
            for team, store in stores.items()
        ]
        for job in jobs:
            servers.finish(job, seconds=START_SECONDS)
        note("; ".join(_last_line(job) for job in jobs))


def _last_line(job: Server) -> str:
    return job.log.read_text(errors="replace").rstrip().rpartition("\n")[2]


def _answering(stage: Stage, name: str, *, port: int, path: str) -> None:
    """Wait until a server answers on its port; make sure that it is ours."""
    server = stage.servers.named(name)

    def answered() -> bool:
        try:
            return httpx.get(f"{_url(port)}{path}", timeout=30, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    stage.servers.wait_for(f"an answer of {name}", answered, seconds=START_SECONDS, log=server.log)
    if not server.listens_on(port):
        raise SourceRefused(
            f"somebody else answers on port {port}", where=name, fix="start again: another port will be chosen"
        )


def _open_airflow(stage: Stage, airflow_env: Mapping[str, str], passwords: Mapping[str, str]) -> Airflow:
    asking = {dag_id.replace("evidence.", "decisions.") for dag_id in EVIDENCE}
    wanted = {*EVIDENCE, *asking, POSTURE, AUDIT}
    with stage.steps.step("Starting Airflow") as note:
        note(stage.airflow_url)
        _answering(stage, "api-server", port=stage.airflow_port, path="/api/v2/version")
        # The first call of this API builds it, which takes seconds: better now than in the first tasks.
        _answering(stage, "execution-server", port=stage.execution_port, path="/execution/health")
        airflow = _airflow_as(stage, environment.ADMIN, passwords)
        for name, pool in json.loads(stage.layout.pools.read_text(encoding="utf-8")).items():
            airflow.create_pool(name, slots=pool["slots"])

        # Only now, when there is something to collect: Airflow starts a new DAG's latest run by itself.
        processor = stage.start("dag-processor", [sys.executable, "-P", "-m", "airflow", "dag-processor"], airflow_env)

        def healthy() -> bool:
            health = airflow.health()
            return all(health[part] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

        def parsed() -> bool:
            for file, trace in airflow.import_errors().items():
                raise SourceRefused(
                    f"does not import: {trace.strip().splitlines()[-1]}", where=file, fix="mend this DAG file"
                )
            return wanted <= airflow.dag_ids()

        scheduler = stage.servers.named("scheduler")
        stage.servers.wait_for("a healthy scheduler", healthy, seconds=START_SECONDS, log=scheduler.log)
        stage.servers.wait_for("parsing of every DAG", parsed, seconds=START_SECONDS, log=processor.log)
    return airflow


def _collect(stage: Stage, airflow: Airflow, title: str) -> None:
    _run(stage, airflow, title, list(EVIDENCE))


def _run(stage: Stage, airflow: Airflow, title: str, dag_ids: list[str]) -> None:
    """Trigger DAGs, wait for them."""
    with stage.steps.step(title) as note:
        runs = {dag_id: airflow.trigger(dag_id) for dag_id in dag_ids}
        _wait_for_runs(stage, airflow, runs, note)


def _wait_for_runs(stage: Stage, airflow: Airflow, runs: Mapping[str, str], note: Note) -> None:
    def finished() -> bool:
        states = {dag_id: airflow.runs(dag_id) for dag_id in runs}
        note(
            "; ".join(
                f"{dag_id.removeprefix('evidence.')} {airflow.progress(dag_id, run_id)}"
                for dag_id, run_id in runs.items()
            )
        )
        for dag_id, found in states.items():
            _raise_failed(stage, airflow, dag_id, found)
        return all(state in FINISHED for found in states.values() for state in found.values())

    log = stage.servers.named("scheduler").log
    stage.servers.wait_for(f"the end of {', '.join(runs)}", finished, seconds=RUN_SECONDS, log=log)


def _raise_failed(stage: Stage, airflow: Airflow, dag_id: str, runs: Mapping[str, str]) -> None:
    """Raise ``SourceRefused`` naming the log of the first task that failed, if a run did."""
    for run_id in (run_id for run_id, state in runs.items() if state == "failed"):
        failed = [task for task in airflow.tasks(dag_id, run_id) if task["state"] == "failed"]
        log, who = stage.servers.named("scheduler").log, dag_id
        if failed:
            task, attempt = failed[0]["task_id"], failed[0]["try_number"]
            folder = stage.layout.airflow / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task}"
            log, who = folder / f"attempt={attempt}.log", f"task {task} of {dag_id}"
        raise SourceRefused(f"{who} failed", where=str(log), fix="mend what this log says, then try again")


def _judge(stage: Stage, airflow: Airflow, title: str, news: set[tuple[str, str]]) -> None:
    """Wait for the posture that Airflow starts by itself once the runs ``news``, each of a DAG, have added evidence.

    Airflow 3.3 loses an asset's event that comes while it makes the run of an earlier one. The hourly run would judge
    that; here, where nothing has run for :data:`QUIET_SECONDS`, one is started.
    """
    own: list[str] = []
    quiet_since = time.monotonic()
    with stage.steps.step(title) as note:

        def judged() -> bool:
            nonlocal quiet_since
            adding = {dag_id: airflow.runs(dag_id) for dag_id in sorted({dag_id for dag_id, _ in news})}
            runs = airflow.runs(POSTURE)
            for dag_id, found in (adding | {POSTURE: runs}).items():
                _raise_failed(stage, airflow, dag_id, found)
            try:
                causes = {cause for run_id in runs for cause in airflow.causes(POSTURE, run_id)}
            except SourceUnavailable:  # a run is still queued
                quiet_since = time.monotonic()
                return False
            seen = sum(run_id in causes for _, run_id in news)
            note(f"{seen} of {len(news)} runs judged")
            states = [*runs.values(), *(adding[dag_id].get(run_id) for dag_id, run_id in news)]
            if not all(state in FINISHED for state in states):
                quiet_since = time.monotonic()
                return False
            if seen < len(news) and not own and time.monotonic() - quiet_since > QUIET_SECONDS:
                own.append(airflow.trigger(POSTURE))
                return False
            return seen == len(news) or bool(own)

        log = stage.servers.named("scheduler").log
        stage.servers.wait_for("the run of posture", judged, seconds=RUN_SECONDS, log=log)


def _decide(stage: Stage, airflow: Airflow, passwords: Mapping[str, str], answers: tuple[Answer, ...]) -> None:
    """Answer what people are asked, each as the user who is asked, and wait until it is recorded and judged."""
    log = stage.servers.named("scheduler").log
    with stage.steps.step("Answering, as users of the demo, what people are asked") as note:
        asked: dict[Answer, Question] = {}

        def waits() -> bool:
            asked.update(deciding.waiting(airflow, answers, log=log.read_text(errors="replace")))
            note(f"{len(asked)} of {len(answers)} wait")
            return len(asked) == len(answers)

        stage.servers.wait_for("all questions to people", waits, seconds=RUN_SECONDS, log=log)
        for answer, question in asked.items():
            user = _airflow_as(stage, answer.user, passwords)
            user.answer(question, option=answer.option, reasons=answer.reasons)
            user.close()
        note("; ".join(f"{answer.option}: {question.title}" for answer, question in asked.items()))
    recorded = {(question.dag_id, question.run_id) for question in asked.values()}
    _judge(stage, airflow, "Judging the posture, which the answers have triggered", recorded)


def _airflow_as(stage: Stage, user: str, passwords: Mapping[str, str]) -> Airflow:
    log = stage.servers.named("api-server").log
    return Airflow(stage.airflow_url, user=user, password=passwords[user], log=log)


def _stop(stage: Stage) -> None:
    with stage.steps.step("Stopping the servers"):
        stage.servers.stop()
        if still := [port for port in (stage.mlflow_port, stage.airflow_port, stage.execution_port) if answers(port)]:
            raise SourceUnavailable(
                f"ports {still} still answer", where="the demo's servers", fix="see who listens there"
            )


def _farewell(stage: Stage, passwords: Mapping[str, str], console: Console) -> None:
    password = passwords[environment.ADMIN]
    console.print(f"Airflow   {stage.airflow_url}   user {environment.ADMIN}, password {password}")
    console.print(f"          the people who decide are users too: {stage.layout.passwords}")
    console.print(f"MLflow    {stage.tracking}")
    console.print(f"Site      {stage.layout.site / 'index.html'}")
    console.print("Stop them with: make down")
