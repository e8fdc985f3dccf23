"""For ML teams, inside their training code. A failure of ours is logged and never breaks a run.

    from affidavit.training import log_table

    with mlflow.start_run():
        log_table("bank", "applications_train")

:func:`log_table` logs a warehouse table, with its full fingerprint, as a dataset input of the active run. MLflow finds
the other two parts by itself, as plug-ins: :mod:`affidavit.training.dataset` resolves such an input again, and
:mod:`affidavit.training.context` tags each run with the state of its code, its container image and its Airflow run.

Jobs that speak OpenLineage may spool their events with :mod:`affidavit.training.openlineage`.

``pip install 'affidavit[training]'`` brings neither Airflow nor Great Expectations. The only room that imports the
MLflow package; importing this one does not.
"""

from affidavit.training.log import log_table

__all__ = ["log_table"]
