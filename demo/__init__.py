"""The demo: a real MLflow, a real Airflow and real data on this machine, and what Affidavit makes of them.

    python -m demo run     start everything, collect, judge, print the posture, stop everything
    python -m demo up      the same, and leave the servers running
    python -m demo down    stop what ``up`` left running

The parts, in the order in which ``story`` plays them:

    layout          where everything lies, all of it under ``.demo/``
    steps           what the reader sees while it happens
    servers, leash  processes that never outlive their purpose
    environment     what each server is told, and by which secrets
    warehouses      the real data, as two DuckDB files
    training        what an ML team does: train_mortgage, train_tumour
    airflow_api     Airflow, from outside, as any user has it
    summary         the posture, read back from the ledger

Nothing here is evidence and nothing of Affidavit imports it: the demo plays the data team, the ML team and the
operator, and leaves the collecting to the DAGs.
"""
