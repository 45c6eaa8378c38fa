"""The product's own web process with a detector that finds nothing: no cost of detection.

Everything else is what `manage.py web` runs. Only the bench can do this, from the outside:
no setting of the product leaves a check out.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar, cast

import django

from compliance.vocabulary import Scan

P = ParamSpec("P")
FoundT = TypeVar("FoundT")
CLEAN = Scan()


def unchecked(_scan: Callable[P, Awaitable[FoundT]]) -> Callable[P, Awaitable[FoundT]]:
    """A scanner that looks at nothing; the bench asks no other endpoint than chats."""

    async def scan(*_given: P.args, **_named: P.kwargs) -> FoundT:
        return cast("FoundT", CLEAN)

    return scan


def main() -> None:
    """Serve on DOMICILE_HOST and DOMICILE_PORT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    django.setup()

    from django.core.management import call_command  # noqa: PLC0415 - after the set-up

    from appliance import front  # noqa: PLC0415
    from inference.api.app import Configuration, DataPlane, build  # noqa: PLC0415

    def without_detection(configuration: Configuration) -> DataPlane:
        return build(replace(configuration, around_scan=unchecked))

    front.build = without_detection  # type: ignore[attr-defined]
    call_command("web")


if __name__ == "__main__":
    main()
