"""What leaves the house: the auditor's site. Reads the ledger through the narrow reader it is given.

files      each file appears whole or not at all
entries    the pages that are written once: entries, log, Data Docs
site       the whole site: what is new, then the posture, the index last
"""
