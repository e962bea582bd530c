"""What some files name is what others define: models, tools, assistants, whatever has a name."""

from __future__ import annotations

from clubos_tui.checks.base import Checking, Subject, Verdict, verdict
from clubos_tui.checks.sources.names import Named, selected
from clubos_tui.checks.sources.tree import Unreadable
from clubos_tui.plan import CheckSpec

__all__ = ["references"]


def references(subject: Subject, spec: CheckSpec) -> Checking:
    """Each name that `names` finds is among those that `among` finds."""
    faults: list[str] = []
    silent: list[str] = []
    found: dict[str, list[Named]] = {}
    for selector in (*spec.names, *spec.among):
        yield selector
        try:
            found[selector] = selected(subject, selector)
        except Unreadable as error:
            faults.append(str(error))
            continue
        if not found[selector]:
            silent.append(f"nothing is named by {selector}")
    named = [item for selector in spec.names for item in found.get(selector, ())]
    defined = [item for selector in spec.among for item in found.get(selector, ())]
    known = {item.name for item in defined}
    where = " and ".join(spec.among)
    faults += [
        item.fault(f"names {item.name}, which is not in {where}")
        for item in named
        if known and item.name not in known
    ]
    for selector in spec.names if spec.mutual else ():
        used = {item.name for item in found.get(selector, ())}
        if used:
            faults += [
                item.fault(f"defines {item.name}, which {selector} never names")
                for item in defined
                if item.name not in used
            ]
    if not faults and silent:
        # A selector that finds nothing has compared nothing.
        return Verdict("unknown", silent[0], tuple(silent), 0 if not named else len(named))
    return verdict(max(len(named), len(faults)), faults, spec, "names")
