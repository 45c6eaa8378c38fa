"""The database's settings from its URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from appliance.env import ConfigurationError

SQLITE_INIT = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"


def configuration(url: str) -> dict[str, Any]:
    """Django's settings for the database at `url`; raises `ConfigurationError`.

    SQLite: WAL with `synchronous=FULL`, so that a commit is durable when it returns, and
    IMMEDIATE transactions, because a deferred one that turns into a writer fails at once
    instead of waiting for its turn.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
                "init_command": SQLITE_INIT,
            },
        }
    if parts.scheme in ("postgresql", "postgres"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_HEALTH_CHECKS": True,
            # Seconds, milliseconds: a server that vanished must not hold a prompt for minutes.
            "OPTIONS": {"connect_timeout": 3, "tcp_user_timeout": 5000},
        }
    raise ConfigurationError(
        "DOMICILE_DATABASE_URL must begin with sqlite:/// or postgresql://; "
        f"it begins with {parts.scheme[:20]!r}."
    )
