"""The composition root: one module per DAG, each only wiring rooms together.

``steps`` says what a collection of one AI system consists of (light: DAG files import it while parsing);
``collection`` looks, stages and records; ``posture`` judges, records and publishes; ``ledger_audit`` verifies;
``plan`` is the dry run of a collection. The command line and the DAGs call the same functions.
"""
