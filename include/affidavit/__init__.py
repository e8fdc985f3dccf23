"""Affidavit: evidence about AI systems that an auditor can check without trusting whoever runs them.

    sources  ->  statements  ->  ledger  ->  projections  ->  verdicts  ->  people

- :mod:`affidavit.collect` reads a source (MLflow, a warehouse, the inventory) and drafts statements; it never writes.
- :mod:`affidavit.training` is for the training code of ML teams: what it logs to MLflow is collected from there.
- :mod:`affidavit.evidence` says what a statement is, and which fields may ever enter one.
- :mod:`affidavit.ledger` appends them exactly once to a Merkle log in SQL, signs each head, and verifies all of it;
  :mod:`affidavit.tlog` is the arithmetic of such logs.
- :mod:`affidavit.witness` is a signer or witness in a process of its own, :mod:`affidavit.anchor` hands heads to
  outsiders, and :mod:`affidavit.cheat` tries to cheat, to show what would notice.
- :mod:`affidavit.projections` folds entries into state, :mod:`affidavit.rules` turns state into verdicts, in words;
  :mod:`affidavit.catalogue` is what the standard asks, :mod:`affidavit.inventory` what the organisation declares.
- :mod:`affidavit.pages` and :mod:`affidavit.publish` show it; :mod:`affidavit.pipeline` wires the rooms together for
  the command line (:mod:`affidavit.cli`) and for Airflow (``dags/``, :mod:`affidavit.operators`).

A collection from beginning to end, as ``affidavit collect`` and the DAGs run it::

    work = Workplace(Settings.read(os.environ, Path.cwd()), from_environment(os.environ))
    collection.collect(work, "mortgage-approval", now=lambda: datetime.now(UTC))
    posture.assess(work, now=datetime.now(UTC))
"""

__version__ = "0.1.0"
