"""Measurements: what the project costs, beside what cannot be avoided or what a peer costs.

    python -m bench              list them
    python -m bench dag-parse    measure one: one line of JSON
    python -m bench all          measure all and draw a table
    python -m bench NAME --quick a smaller size where there is one: a smoke test, whose figure proves nothing

Each is a module of this package (``dag-parse`` is ``bench/dag_parse.py``) with a function ``measure()`` that gives a
:class:`~bench.measurement.Measurement`. Both sides are measured in one run, in turns; figures of two machines, or of
two days, are not comparable, ratios are. Exit codes: 0 within the bound, 1 above it, 2 no such measurement.
"""
