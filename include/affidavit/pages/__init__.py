"""Pages: verdicts and entries in, HTML out. One set of templates for the auditor's site and the console. Pure.

    text      names, digests and times as a person can read them, whatever somebody put into them
    words     kinds and statuses in words
    facts     the facts of a statement as lists and tables
    links     where one page finds another
    frame     what stands on every page: title, banner, as-of line, and the way to the others
    posture   view models of the overview and of each control or clause, made from verdicts
    calendar  view models of what was due and never came, and of how controls operated
    lineage   view model of an AI system: what is in use, and what it was made from, drawn
    layers    where the boxes and lines of that drawing stand
    decision  what a person is asked to decide, as Markdown for a task's page in Airflow
    reminder  what somebody who has to act is told, as the text of a message
    evidence  view models of an entry, the log in blocks, and the ledger
    docs      what Great Expectations says of one validation
    figures   what a chart is made from, and what it becomes
    plot      the marks of charts, in Altair
    charts    charts of estimates: groups, drift, two versions, over time
    distributions  charts of counts: scores by outcome, calibration, tools
    svg       a chart's drawing, with nothing in it that acts or loads
    report    the report of one measurement, in one file
    erased    what stands where a report stood whose details were erased
    render    view model -> HTML, through templates that escape everything

A page answers in one sentence first, then numbers, what to do next and who, the evidence, the raw facts folded. Nothing
that a source wrote becomes a link, a style or a script; the only script is ``static/site.js``, which turns a verdict
stale once its ``valid_until`` has passed in the reader's browser.
"""
