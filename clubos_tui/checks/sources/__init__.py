"""Checks on TypeScript and JavaScript sources, and on how files refer to each other.

A *source* is a file that parses; a *module* is what it takes from others and gives to them; a
*root* is a file with which a program begins. All is told from syntax trees, on a machine that has
no compiler. What can't be told from the text alone, such as a path that is computed, is a fault
with its line: it is never passed over (P7).

:mod:`tree` parses, :mod:`modules` knows names, :mod:`api` and :mod:`services` know a server of the
built-in plan's shape; the others are one kind of check each.
"""

from clubos_tui.checks.sources.access import access
from clubos_tui.checks.sources.calls import calls
from clubos_tui.checks.sources.reachable import reachable
from clubos_tui.checks.sources.references import references
from clubos_tui.checks.sources.routes import routes
from clubos_tui.checks.sources.syntax import syntax

__all__ = ["access", "calls", "reachable", "references", "routes", "syntax"]
