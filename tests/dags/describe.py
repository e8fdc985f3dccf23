"""Parse DAG files, each in a process that has loaded ``airflow.sdk`` and nothing else, and describe what came of them.

Each is one line of JSON, in the order of the files.
"""

import importlib.util
import json
import os
import sys


def raised_by(task):
    """What the task raises, as the name of its class and its text."""
    try:
        task.python_callable(*task.op_args, **task.op_kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


HEAVY = ("great_expectations", "mlflow", "pandas", "sklearn", "duckdb", "rich", "typer", "alembic", "fsspec")


def main(files: list[str]) -> int:
    from airflow.sdk import DAG

    for file in files:
        child = os.fork()
        if not child:
            describe(file, DAG)
            sys.stdout.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            return 1
    return 0


def describe(file: str, DAG: type) -> None:  # noqa: N803
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location("dag_file", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded = {name.split(".")[0] for name in set(sys.modules) - before}
    dags = {value.dag_id: value for value in vars(module).values() if isinstance(value, DAG)}
    described = {
        dag_id: {
            "schedule": str(getattr(dag.timetable, "expression", None) or type(dag.timetable).__name__),
            "max_active_runs": dag.max_active_runs,
            "catchup": dag.catchup,
            "tags": sorted(dag.tags),
            "doc": dag.doc_md,
            "tasks": {
                task.task_id: {
                    "pool": task.pool,
                    "retries": task.retries,
                    "trigger_rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
                    "upstream": sorted(task.upstream_task_ids),
                    "outlets": [outlet.uri for outlet in task.outlets],
                }
                for task in dag.tasks
            },
            "raised": {task.task_id: raised_by(task) for task in dag.tasks if task.task_id == "configuration"},
        }
        for dag_id, dag in dags.items()
    }
    print(json.dumps({"dags": described, "heavy": sorted(loaded & set(HEAVY))}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
