"""Agents that people already have: how each is started, and what it needs of their machine.

All of them speak the Agent Client Protocol. What one needs is shown before it is started, and
given when a person has said yes; everything else of the home stays out of the box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clubos_tui.plan import Needs

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One agent by its name."""

    title: str
    command: str
    """Its command line."""
    needs: Needs
    install: str
    """How to get it."""

    @property
    def program(self) -> str:
        """The name of its program."""
        return self.command.split()[0]


PRESETS: Final[Mapping[str, Preset]] = {
    "claude-code": Preset(
        "Claude Code", "claude-agent-acp",
        Needs(
            True,
            ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"),
            (".claude.json", ".claude/.credentials.json", ".claude/settings.json"),
        ),
        "npm install -g @agentclientprotocol/claude-agent-acp",
    ),
    "codex": Preset(
        # Its own sandbox can't be made inside another one, and the box is one.
        "Codex", "codex-acp -c sandbox_mode=danger-full-access",
        Needs(
            True, ("OPENAI_API_KEY", "CODEX_API_KEY"), (".codex/auth.json", ".codex/config.toml")
        ),
        "npm install -g @zed-industries/codex-acp",
    ),
    "gemini": Preset(
        "Gemini CLI", "gemini --acp",
        Needs(
            True,
            ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            (".gemini/oauth_creds.json", ".gemini/google_accounts.json", ".gemini/settings.json"),
        ),
        "npm install -g @google/gemini-cli",
    ),
    "opencode": Preset(
        "OpenCode", "opencode acp",
        Needs(
            True,
            ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
            (".local/share/opencode/auth.json", ".config/opencode/opencode.json"),
        ),
        "npm install -g opencode-ai",
    ),
    "goose": Preset(
        "Goose", "goose acp",
        Needs(
            True,
            ("GOOSE_PROVIDER", "GOOSE_MODEL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"),
            (".config/goose/config.yaml", ".config/goose/secrets.yaml"),
        ),
        "Install goose-cli as its own documentation says.",
    ),
}  # fmt: skip
