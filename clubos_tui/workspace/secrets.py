"""Which tracked files are secrets by their name, and stay home (P12).

A template or sample of such a file is not a secret and may leave.
"""

from __future__ import annotations

from collections.abc import Iterable

from clubos_tui.changes.paths import matcher

PATTERNS = (
    ".env", ".env.*", "*.env",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",
    ".netrc", ".pgpass", ".npmrc", ".pypirc", ".htpasswd", ".dockercfg",
    "**/.aws/credentials", "**/.docker/config.json", "**/.kube/config", ".ssh/",
    "credentials.json", "service-account*.json", "secrets.y*ml", "secrets.json", "secrets.toml",
    "*.tfstate", "*.tfvars",
)  # fmt: skip
HARMLESS = (
    "*.example", "*.sample", "*.template", "*.dist", "*.example.*", "*.sample.*", "*.template.*",
    "*.pub",
)  # fmt: skip
_SECRET, _HARMLESS = matcher(PATTERNS), matcher(HARMLESS)


def is_secret(path: str) -> bool:
    """Tell whether the name says that the content is a secret."""
    path = path.casefold()  # `.ENV` is `.env` on many a disk
    name = path.rsplit("/", 1)[-1]
    return _SECRET.fullmatch(path) is not None and _HARMLESS.fullmatch(name) is None


def withheld(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that are kept from workspace and model, in order."""
    return tuple(sorted(path for path in paths if is_secret(path)))
