"""The command line of the measurements; see the package."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import traceback
from pathlib import Path

from bench.measurement import Measurement, NotComparable

NO_MEASUREMENTS = frozenset({"__main__", "gx_default", "measurement", "ledgers", "tables", "trackers", "validations"})
QUICK = "--quick"


def names() -> list[str]:
    """Every measurement, by name."""
    modules = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name.replace("_", "-") for name in modules if name not in NO_MEASUREMENTS)


def measure(name: str, *, quick: bool = False) -> Measurement:
    """Take one measurement; a quick one is of a smaller size, where the measurement has one."""
    module = importlib.import_module(f"bench.{name.replace('-', '_')}")
    sizes = {"quick": True} if quick and "quick" in inspect.signature(module.measure).parameters else {}
    measurement: Measurement = module.measure(**sizes)
    return measurement


def draw(measurements: list[Measurement]) -> None:
    """All of them in one table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("measurement", "ours", "other", "unit", "ratio", "bound", "", title="ours / other: below 1 is better")
    for each in measurements:
        verdict = "[green]within[/]" if each.within else "[red]above[/]"
        figures = (f"{each.ours:.4g}", f"{each.other:.4g}", each.unit, f"{each.ratio:.3g}", f"{each.bound:g}")
        table.add_row(each.name, *figures, verdict)
    Console().print(table)


def main(arguments: list[str]) -> int:
    """Run the command; gives the exit code."""
    known, quick = names(), QUICK in arguments
    arguments = [argument for argument in arguments if argument != QUICK]
    if not arguments:
        print("\n".join(known))
        return 0
    if arguments not in ([name] for name in (*known, "all")):
        print(f"no measurement {' '.join(arguments)!r}; there are: {', '.join(known)}, or all", file=sys.stderr)
        return 2
    taken, without = [], 0
    for name in known if arguments == ["all"] else arguments:
        try:
            taken.append(measure(name, quick=quick))
        except NotComparable as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            without += 1
        except Exception:  # of hours of measuring, one failure takes none of the others away
            print(f"{name}: failed", file=sys.stderr)
            traceback.print_exc()
            without += 1
        else:
            print(taken[-1].line(), flush=True)
    if arguments == ["all"]:
        draw(taken)
    return 0 if not without and all(each.within for each in taken) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
