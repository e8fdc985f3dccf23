"""Parse one DAG file in a fresh interpreter and describe what came of it, as JSON on the last line."""

import importlib.util
import json
import sys


def raised_by(task):
    """What the task raises, as the name of its class and its text."""
    try:
        task.python_callable(*task.op_args, **task.op_kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


HEAVY = ("great_expectations", "mlflow", "pandas", "sklearn", "duckdb", "rich", "typer", "alembic", "fsspec")


def main(file: str) -> None:
    from airflow.sdk import DAG

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
    main(sys.argv[1])
