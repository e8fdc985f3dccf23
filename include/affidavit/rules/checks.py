"""Every named check, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from affidavit.rules import collected, declared, models, registry, tables

MODULES = (collected, declared, models, tables)
"""The modules that register them."""

CHECKS: Mapping[str, registry.Check] = MappingProxyType(registry.registered())
"""Name to check."""
