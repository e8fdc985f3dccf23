"""Trying to cheat an auditor, on copies, to show which defence catches what.

``attacks`` hold what a cheater does, each with the power it takes: raw SQL and arithmetic of their own, nothing of the
verifier. ``defences`` switch one check off at a time. ``ground`` makes what is attacked: a copy of a given ledger, or
a small ledger of our own where an attack takes a key that we must not have. ``trial`` runs each attack with its
defence and without, and believes neither the attack nor the defence until both were seen.
"""
