"""Which model is asked, how, and where: a flag, else the plan, else a person's own settings.

A plan comes with a repository, and the person's key goes wherever requests go. So a base URL in a
plan counts only where it is this machine, the API itself, or one that the person's settings trust.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from clubos_tui.codec import DecodeError, structure
from clubos_tui.config import config_file
from clubos_tui.errors import Refused, UsageError
from clubos_tui.plan import Effort, Model, Plan

__all__ = ["DEFAULT_MODEL", "Own", "Settings", "choose", "read_own", "settings_path"]

DEFAULT_MODEL: Final = "claude-opus-5-5"
API: Final = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True)
class Own:
    """What a person's ``claude.toml`` may say."""

    model: str = ""
    effort: Effort = "default"
    base_url: str = ""
    max_tokens: int = 32_000
    thinking: bool = True
    trusted_base_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What one conversation is held with; an empty ``base_url`` is the SDK's own."""

    model: str = DEFAULT_MODEL
    effort: Effort = "default"
    base_url: str = ""
    max_tokens: int = 32_000
    thinking: bool = True


def settings_path() -> str:
    """Return where a person's own settings are looked for."""
    return config_file("claude.toml")


def read_own(path: str) -> Own:
    """Return a person's settings, the defaults where there is no file.

    Raises:
        UsageError: The file can't be understood.
    """
    try:
        with open(path, "rb") as file:
            own = structure(Own, tomllib.load(file))
    except FileNotFoundError:
        return Own()
    except (OSError, DecodeError, ValueError) as error:
        raise UsageError(
            f"{path}: {error}",
            untouched="Nothing was asked of a model.",
            cure="It may set model, effort, base_url, max_tokens, thinking, trusted_base_urls.",
        ) from error
    if own.max_tokens < 1024:
        raise UsageError(
            f"{path}: max_tokens must be at least 1024",
            untouched="Nothing was asked of a model.",
        )
    return own


def choose(plan: Plan, phase: int, asked: Model, own: Own) -> Settings:
    """Return the settings of a phase.

    Args:
        plan: The plan in force.
        phase: The phase, from 1.
        asked: What was asked for on the command line.
        own: The person's own settings.

    Raises:
        UsageError: A base URL is none.
        Refused: The plan wants requests, and with them the key, to go where nobody allowed it.
    """
    planned = plan.model_of(phase)
    for url in filter(None, (asked.base_url, planned.base_url, own.base_url)):
        if not _is_address(url):
            raise UsageError(
                f"{url!r} is no address of an API",
                untouched="Nothing was sent.",
                cure="A base URL begins with https:// and names a host.",
            )
    if planned.base_url and not asked.base_url and not _trusted(planned.base_url, own):
        raise Refused(
            f"the plan asks the model at {planned.base_url}, and your key would go there",
            untouched="Nothing was sent.",
            cure=f"If you trust it, give --base-url {planned.base_url}, or add it to "
            f"trusted_base_urls in {settings_path()}.",
        )
    chosen = asked.over(planned).over(Model(own.model, own.effort, own.base_url))
    return Settings(
        chosen.name or DEFAULT_MODEL, chosen.effort, chosen.base_url, own.max_tokens, own.thinking
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is none, of brackets that do not close
        return False


def _trusted(url: str, own: Own) -> bool:
    parts = urlsplit(url)
    if parts.hostname in {"127.0.0.1", "::1", "localhost"}:
        return True
    known = {API, own.base_url, *own.trusted_base_urls} - {""}
    return parts.scheme == "https" and url.rstrip("/") in {item.rstrip("/") for item in known}
