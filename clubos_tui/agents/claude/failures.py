"""What went wrong with a request to the model, in words, and whether to ask again by oneself.

Errors are told apart by the API's own word for them, because an error in the middle of a stream
comes with the status of a success. Nothing of the SDK is imported here: by the time it raises, it
is there.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clubos_tui.agents.claude.turn import StreamFault

__all__ = ["ATTEMPTS", "Failure", "delay", "failure_of"]

ATTEMPTS: Final = 5
"""How often a request is made again by itself."""
LONGEST_WAIT: Final = 300.0
"""Seconds; whoever asks for more patience than that gets a person's decision instead."""
_FIRST, _MOST = 0.5, 30.0  # seconds of the own waits


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that gave no answer."""

    kind: str
    """The API's word, or ``connection``, or ``malformed_stream``."""
    message: str
    cure: str
    passing: bool
    """Whether the same request may succeed in a while."""
    after: float | None = None
    """Seconds that the API asked to wait."""
    request_id: str = ""

    def __str__(self) -> str:
        where = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.message}{where}"


_KEY = "Check ANTHROPIC_API_KEY, or choose another agent."
_BY_KIND: Final[Mapping[str, tuple[bool, str]]] = {
    "authentication_error": (False, _KEY),
    "permission_error": (False, _KEY),
    "billing_error": (False, "Look at the account's billing; asking again can't help."),
    "not_found_error": (False, "Name another model."),
    "request_too_large": (False, "Make the action smaller, or take large files out of the tree."),
    "invalid_request_error": (False, "This is likely a fault of clubos: report it."),
    "rate_limit_error": (True, "It is tried again by itself."),
    "overloaded_error": (True, "It is tried again by itself."),
    "timeout_error": (True, "It is tried again by itself."),
    "api_error": (True, "It is tried again by itself."),
    "not_the_api": (False, "Look at the base URL; a proxy or a captive portal may answer there."),
    "end_of_recording": (False, "The recording ends here; choose another agent to go on."),
    "malformed_stream": (True, "It is tried again by itself."),
    "connection": (True, "It is tried again by itself; look at the network or the base URL."),
}
_BY_STATUS: Final = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
    403: "permission_error", 404: "not_found_error", 408: "timeout_error",
    413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error",
    529: "overloaded_error",
}  # fmt: skip


def failure_of(error: BaseException) -> Failure | None:
    """Return what an exception of a request means; ``None`` for one that is a fault of ours."""
    if isinstance(error, StreamFault):
        return _failure(error.kind, str(error))
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _of_status(error, status)
    if _is_connection(error):
        cause = f" ({_words(error.__cause__)})" if error.__cause__ else ""
        return _failure("connection", f"the connection failed: {_words(error)}{cause}")
    sdk = sys.modules.get("anthropic")
    if sdk is not None and isinstance(error, sdk.AnthropicError):  # a profile that gives no token
        return _failure("authentication_error", _words(error))
    return None


def _of_status(error: Any, status: int) -> Failure:
    details = _dict(_dict(getattr(error, "body", None)).get("error"))
    kind = str(details.get("type") or "")
    if kind not in _BY_KIND:
        kind = _BY_STATUS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    headers = getattr(getattr(error, "response", None), "headers", {})
    message = str(details.get("message") or _words(error))
    failure = _failure(
        kind, message, after=_seconds(headers), request_id=headers.get("request-id", "")
    )
    code = str(details.get("error_code") or details.get("code") or "")
    if "spend_limit" in code:  # it names no time to wait, because waiting can't help
        return Failure("billing_error", message, _BY_KIND["billing_error"][1], passing=False,
                       request_id=failure.request_id)  # fmt: skip
    return failure


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _failure(
    kind: str, message: str, *, after: float | None = None, request_id: str = ""
) -> Failure:
    passing, cure = _BY_KIND.get(kind, (False, "Look at the message."))
    return Failure(kind, message, cure, passing, after, request_id)


def _is_connection(error: BaseException) -> bool:
    """Tell whether a request or its stream broke off, or was no stream to begin with."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    known: list[type[BaseException]] = []
    for module, names in (
        ("anthropic", ("APIConnectionError", "APIResponseValidationError")),
        ("httpx2", ("HTTPError", "StreamError")),
        ("json", ("JSONDecodeError",)),
    ):
        loaded = sys.modules.get(module)
        known += [getattr(loaded, name) for name in names if hasattr(loaded, name)]
    return isinstance(error, tuple(known))


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _seconds(headers: Mapping[str, str]) -> float | None:
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:  # a date, or nothing
        return None
    return seconds if 0 <= seconds < float("inf") else None


def delay(
    failure: Failure, attempt: int, *, chance: Callable[[], float] = random.random
) -> float | None:
    """Return how many seconds to wait before a request is made again; ``None``: ask a person.

    Args:
        failure: What went wrong.
        attempt: How often the request has failed by now, from 1.
        chance: A number from 0 to 1, so that many clients do not ask at the same moment.
    """
    if not failure.passing or attempt > ATTEMPTS:
        return None
    own = min(_MOST, _FIRST * 2 ** (attempt - 1)) * (0.75 + chance() / 2)
    wait = max(own, failure.after or 0.0)
    return wait if wait <= LONGEST_WAIT else None
