"""Drafting a suite: from the inventory and the warehouse to a file that waits for a reviewer."""

from __future__ import annotations

from pathlib import Path

from affidavit.errors import ConfigurationError, UsageError
from affidavit.inventory.load import load_system
from affidavit.pipeline.workplace import Workplace


def draft_suite(workplace: Workplace, system_id: str, table_id: str) -> Path:
    """Write ``expectations/<suite>.yaml`` for one table of an AI system, from its profile; the file that was written.

    The system's file may name a suite that is not there yet, as it does when a suite is to be drafted for it. Raises
    ``UsageError`` where there is no such system or table, or the file is there already; ``SourceError`` where the
    warehouse fails. Nothing is written then.
    """
    from affidavit.quality.draft import draft
    from affidavit.warehouse import profile, snapshot

    folder = workplace.settings.include_dir / "systems"
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if system_id not in known:
        fix = f"choose one of: {', '.join(known) or 'none yet'}; or add its file"
        raise UsageError(f"no AI system {system_id!r}", where="include/systems", fix=fix)
    system = load_system(folder / f"{system_id}.yaml")
    table = next((table for table in system.tables if table.id == table_id), None)
    if table is None:
        fix = f"choose one of: {', '.join(table.id for table in system.tables)}"
        raise UsageError(f"no table {table_id!r}", where=f"include/systems/{system_id}.yaml", fix=fix)
    name = table.suite or table.id
    file = workplace.settings.suites_dir / f"{name}.yaml"
    _refuse_to_overwrite(file)
    connection = workplace.resolve(table.connection)
    if connection.type == "spark":
        fix = "write the suite by hand, or draft it from the same table in a warehouse"
        raise UsageError("drafting is not supported for this engine, Spark", where=table.uri, fix=fix)
    with snapshot(connection, timeout_seconds=table.timeout_seconds) as opened:
        found = opened.table(table.table)
        described = profile(opened, found, about=table.table, time_column=None)
        text = draft(opened, described, table, name=name)
    try:
        file.parent.mkdir(exist_ok=True)
        # "x": what came into being while the table was read is not overwritten either.
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        _refuse_to_overwrite(file)
    except OSError as error:
        raise ConfigurationError(
            f"the suite cannot be written ({error.strerror})",
            where=str(file),
            fix="make the folder writable for whoever drafts",
        ) from error
    return file


def _refuse_to_overwrite(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise UsageError(
            "there is a suite already, and a draft overwrites nothing",
            where=f"expectations/{file.name}",
            fix="edit it, or move it away first",
        )
