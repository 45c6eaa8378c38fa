"""What is said where the database's role has no right to what a command does.

In `docker/postgres/roles.sql` each role has the rights of one process. A command has those of
the role whose address it is given, which has the keys and folders that it needs, too.
"""

from __future__ import annotations

import django.db
from django.db import connection

OWNER, NOTARY, RECORDS, WEB = "owner", "notary", "records", "web"
DENIED = "42501"  # SQLSTATE insufficient_privilege

RUN_AS = {
    "audit checkpoint": NOTARY,
    "audit consistency": NOTARY,
    "audit cosign": NOTARY,
    "audit cosign policy": WEB,
    "audit erase": RECORDS,
    "audit export": RECORDS,
    "audit pack": RECORDS,
    "audit prove": NOTARY,
    "audit prune": NOTARY,
    "audit resume": NOTARY,
    "audit stamp": NOTARY,
    "audit verify": NOTARY,
    "keys rotate": OWNER,
    "keys rotate log": NOTARY,
    "models bom": WEB,
    "models bundle": OWNER,
    "models deploy": WEB,
    "models import": OWNER,
    "models list": WEB,
    "models remove": OWNER,
    "models show": WEB,
    "models sign": OWNER,
    "models undeploy": WEB,
    "models verify": OWNER,
    "policy endorse": WEB,
    "policy export": WEB,
    "policy import": WEB,
    "policy restored": WEB,
    "policy show": WEB,
    "setup": OWNER,
}
"""The role that may do all that a command does; its service in docker/compose.yaml."""


def denied(error: BaseException) -> bool:
    """Whether the database refused for want of a right."""
    return getattr(error.__cause__, "sqlstate", None) == DENIED


def refused(command: str, error: django.db.Error) -> str:
    """What the operator is told when the database did not do what `command` asked of it."""
    if not denied(error):
        return f"The database did not do it: {type(error).__name__}. Run `manage.py doctor`."
    return (
        f"The database's role {connection.settings_dict['USER']} has no right to this. "
        f"{run_as(command)} If it is that role: run docker/postgres/roles.sql again, as the "
        "owner; an upgrade may have added to its rights."
    )


def elsewhere(command: str) -> str:
    """Where `command` finds the keys that are not here; empty where there are no roles."""
    return run_as(command) if connection.vendor == "postgresql" else ""


def run_as(command: str) -> str:
    """How `command` is run as the role that may do it."""
    role = RUN_AS[command]
    how = "run --rm --no-deps setup" if role == OWNER else f"exec {role}"
    return (
        f"Run `manage.py {command}` as domicile_{role}: with containers by `docker compose -f "
        f"docker/compose.yaml {how} python manage.py {command} …`, else as that role's user, "
        "with its DOMICILE_DATA and DOMICILE_DATABASE_URL."
    )
