"""What the organisation declares: AI systems, suites, roles; and what a change of them weakens.

    inventory = load(project / "include", project / "expectations")
    slot = slot_at(inventory.systems["mortgage-approval"].schedule, moment)
    for loosening in loosens(before, inventory):
        print(loosening.file, loosening.field, loosening.why)

What a collection of an AI system consists of follows from its declaration (:mod:`~affidavit.inventory.steps`).

Pure but for reading the YAML files (:mod:`~affidavit.inventory.load`); imports nothing heavy, since Airflow imports it
whenever it parses a DAG file.
"""

from affidavit.inventory.agents import Agent
from affidavit.inventory.applicability import Inclusion, OwnControl
from affidavit.inventory.connection import Connection, Resolve, from_environment
from affidavit.inventory.controlled import STAGES_OF_SYSTEM_DOCUMENTS, ControlledDocument, DocumentKind
from affidavit.inventory.load import Loaded, load, load_lenient
from affidavit.inventory.loosening import (
    Loosening,
    in_force,
    inventory_in_force,
    loosens,
    organisation_in_force,
    suite_in_force,
)
from affidavit.inventory.measured import Measured
from affidavit.inventory.models import Dataset, Inventory, Partition, PredictionTable, System, Table, Tracking
from affidavit.inventory.organisation import Anchor, Organisation, Role
from affidavit.inventory.record_fields import BookKind
from affidavit.inventory.records import Book, book_name
from affidavit.inventory.registers import DEMANDS, Demand, Endpoint, Reconcile, Register
from affidavit.inventory.schedule import next_tick, seconds_between_ticks, slot_at, slots_between
from affidavit.inventory.suite import Expectation, Suite
from affidavit.inventory.thresholds import Threshold

__all__ = [
    "DEMANDS",
    "STAGES_OF_SYSTEM_DOCUMENTS",
    "Agent",
    "Anchor",
    "Book",
    "BookKind",
    "Connection",
    "ControlledDocument",
    "Dataset",
    "Demand",
    "DocumentKind",
    "Endpoint",
    "Expectation",
    "Inclusion",
    "Inventory",
    "Loaded",
    "Loosening",
    "Measured",
    "Organisation",
    "OwnControl",
    "Partition",
    "PredictionTable",
    "Reconcile",
    "Register",
    "Resolve",
    "Role",
    "Suite",
    "System",
    "Table",
    "Threshold",
    "Tracking",
    "book_name",
    "from_environment",
    "in_force",
    "inventory_in_force",
    "load",
    "load_lenient",
    "loosens",
    "next_tick",
    "organisation_in_force",
    "seconds_between_ticks",
    "slot_at",
    "slots_between",
    "suite_in_force",
]
