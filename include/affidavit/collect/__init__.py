"""Collectors: a source in, statements out. The only code that knows a source; it never writes, to the source or ours.

    declarations    what the organisation itself wrote: AI systems, suites, roles
    tables          a table of the warehouse and its validation, from one snapshot
    schema_change   its columns since the last one;  late_data  its rows that came after their time was seen
    runs            MLflow runs;  position  how far they were read;  reading  what of them a look has to read
    models          registered model versions and aliases
    resources       what the run of a version in use took, as far as MLflow recorded it
    predictions     what is measured of scored rows, in their table's snapshot;  attempts  what was measured before
    scored          such a table while it is measured;  threats  to the data that the model learnt from
    custom          measures of other packages, of a bounded sample
    challenge       a copy of a table with a planted defect, sent the very way that the table goes
    agents          what is measured of an agent's traces;  traces  these, as numbers
    trace_days      what is remembered of traces;  spans  one of them, read strictly
    trace_client    the seam to MLflow's traces
    rescoring       a version in use, asked again about a sample;  answers  what its answers are measured by
    comparison      a version against the one before it, on the same rows
    measurements    one family of measures as a statement, with its report
    documents       what is written down: digests and filled sections of each file;  office  DOCX and XLSX, strictly
    hitl            what Airflow holds of a question that a person was asked
    registers       what else is recorded: counted by day and listed value, compared with a second source
    records         the rows of a book, each a record;  record_rows  what a row says, strictly
    serving         which version a scoring endpoint says that it serves
    scoring         a model's answers, by MLflow's scoring protocol, strictly
    sandbox         a model served where it reaches nothing of ours;  confine  the walls around it
    lineage         which table a run was trained or tried on, and which run made a version; pure
    openlineage     which job read and wrote which tables, by its own events;  openlineage_events  these, read strictly
    unreconciled    what the platform holds and no AI system claims
    look            what each of them brings back from one look
    allowlist       which of MLflow's params and tags may enter, and a proposal for what should
    budget          how much of one run an entry holds
    artifacts       artifacts listed, streamed and hashed; never loaded;  rotation  whose turn it is to be read again
    estimate        what a look at MLflow would cost, for a dry run
    mlflow_client   the seam to MLflow;  airflow_client  the seam to Airflow;  both read only
    rest            the seam to HTTP: bounded patience, each failure turned into one of ours;  transport  its sockets

A collector is a function from what is in force, and a cursor where it needs one, to a
:class:`~affidavit.collect.look.Look`: drafts in order, counts of what was enumerated, read and withheld, how late a
change may be noticed, and the next cursor. Facts are redacted here, before anything is signed. A source that fails
raises one of our errors, and nothing of that look is recorded.
"""
