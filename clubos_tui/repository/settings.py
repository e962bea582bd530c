"""What the person's configuration says, read in one question.

Only read: no setting of a repository's is ever handed on to a git of ours as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clubos_tui.repository.git import Git

_SECTIONS = "core|user|extensions|index|filter|remote|commit|diff|merge"
_FALSE = frozenset({"false", "no", "off", "0", ""})


@dataclass(frozen=True, slots=True)
class Settings:
    """Setting → value, the last one set; section and key in lower case, as git lists them."""

    values: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a value, empty where it is not set."""
        return self.values.get(name, "")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a value as git reads a boolean."""
        value = self.values.get(name)
        return default if value is None else value.lower() not in _FALSE

    def under(self, prefix: str, *ends: str) -> dict[str, str]:
        """Return the middle part → value of ``prefix.<middle>.<end>`` for the ends given."""
        out = {}
        for name, value in self.values.items():
            head, _, end = name.rpartition(".")
            if head.startswith(f"{prefix}.") and end in ends:
                out[head.removeprefix(f"{prefix}.")] = value
        return out


def read_settings(git: Git) -> Settings:
    """Return the settings in force for the person; what our own command line sets is not theirs."""
    code, out = git.ask("config", "-z", "--show-scope", "--get-regexp", rf"^({_SECTIONS})\.")
    values = {}
    fields = out.split(b"\0") if code == 0 else []
    for scope, item in zip(fields[0::2], fields[1::2], strict=False):
        name, set_to, value = item.partition(b"\n")
        if scope != b"command":
            # A name alone is a boolean that is on.
            values[name.decode("utf-8", "surrogateescape")] = (
                value.decode("utf-8", "surrogateescape") if set_to else "true"
            )
    return Settings(values)
