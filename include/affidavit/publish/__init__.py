"""What leaves the house: the auditor's site, bundles, exports. Reads the ledger through the narrow reader it is given.

files                each file appears whole or not at all
entries              the pages that are written once: entries, log, Data Docs
site                 the whole site: what is new, then the posture, the index last
archive              a zip that can be read in one way only
bundle               entries, their proofs and their blobs in one archive
bundle_verification  what such an archive shows
since                what was added since a noted checkpoint
dsse                 one entry as a DSSE envelope, whose signature proves the export only
"""
