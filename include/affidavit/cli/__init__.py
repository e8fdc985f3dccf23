"""The command line: ``affidavit …``, one module per command.

Exit codes: 0 fine; 1 not fully established (verified without a policy, something not supported under ``--strict``, a
source that could not be read); 2 usage or configuration; 3 integrity broken.
"""
