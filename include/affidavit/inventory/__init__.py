"""What the organisation declares: AI systems, suites, roles; and what a change of them weakens."""

from affidavit.inventory.connection import Connection, Resolve, from_environment
from affidavit.inventory.models import (
    Dataset,
    Expectation,
    Inventory,
    Organisation,
    PredictionTable,
    Role,
    Suite,
    System,
    Table,
    Tracking,
)

__all__ = [
    "Connection",
    "Dataset",
    "Expectation",
    "Inventory",
    "Organisation",
    "PredictionTable",
    "Resolve",
    "Role",
    "Suite",
    "System",
    "Table",
    "Tracking",
    "from_environment",
]
