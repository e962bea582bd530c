"""The panes' views as the dashboard holds them: `n` walks matches only while there are any."""

from __future__ import annotations

from clubos_tui.ui.widgets.check_list import CheckList
from clubos_tui.ui.widgets.diff_view import DiffView
from clubos_tui.ui.widgets.file_list import FileList
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.log_view import LogView

__all__ = ["ChecksPane", "DiffPane", "FilesPane", "LogPane"]


def _on(view: LineView, action: str) -> bool:
    """Tell whether a key is the view's own now."""
    return action != "match" or view.searching


# One base each: textual takes styles and component classes from the first base only.
class DiffPane(DiffView):
    """The diff."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Switch the keys of a search off where there is none."""
        return _on(self, action)


class FilesPane(FileList):
    """The changed files."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Switch the keys of a search off where there is none."""
        return _on(self, action)


class ChecksPane(CheckList):
    """The checks of the phase."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Switch the keys of a search off where there is none."""
        return _on(self, action)


class LogPane(LogView):
    """The log."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Switch the keys of a search off where there is none."""
        return _on(self, action)
