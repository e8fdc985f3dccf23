"""What the standard asks: 38 controls and 32 auditable clauses, as data of our own. Pure.

``load()`` reads the packaged files once; a :class:`Requirement` carries what is asked in our words, the question that
only a person can answer, its crosswalks with who supports each link, its topics, and the named checks of
:mod:`affidavit.rules` that decide.
"""

from affidavit.catalogue.reading import digest, load, parse
from affidavit.catalogue.requirement import TOPICS, Catalogue, CheckCall, Link, Policy, Requirement

__all__ = ["TOPICS", "Catalogue", "CheckCall", "Link", "Policy", "Requirement", "digest", "load", "parse"]
