"""The composition root: one module per DAG or command, each only wiring rooms together.

    workplace     settings, and the rooms opened from them
    sources       what there is to look at, as it is in force
    collection    looks, stages and records;  staging  where looks wait;  plan  its dry run
    posture       judges, records and publishes;  lineage  what was made from what, as of a time
    completeness  what was due and never came, and how controls operated
    decisions     asks people in Airflow, and records what Airflow holds of their answers
    anchoring     hands the head to outsiders, and says what they know
    ledger_audit  verifies on a schedule;  verifying  all that an auditor asks of a whole ledger
    erasing       erases blobs: the entry first, then the bytes
    rotating      replaces the log's key
    checkup       what ``affidavit doctor`` looks at

The command line and the DAGs call the same functions.
"""
