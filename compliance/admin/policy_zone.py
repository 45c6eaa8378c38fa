"""A time zone, typed: the browser offers the names that hold what was typed."""

from __future__ import annotations

import difflib
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from compliance.policy.zones import ZONES

MAX = 64  # characters; the longest name has 32
HELP = "Type a part of its name, such as Berlin; empty the field to see all that there are."


class ZoneInput(forms.TextInput):
    """A text, with the names to choose from."""

    template_name = "admin/policy_zone.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """With the names, and the id of their list."""
        own = {"autocomplete": "off", "spellcheck": "false", "maxlength": MAX, **(attrs or {})}
        context = super().get_context(name, value, own | {"list": f"{name}_known"})
        context["widget"]["known"] = sorted(ZONES)
        return context


class ZoneField(forms.CharField):
    """The name of a time zone, in any case; `known` is one more that is taken as it is."""

    def __init__(self, known: str = "", **named: Any) -> None:
        super().__init__(widget=ZoneInput(), **named)
        self.known = known

    def to_python(self, value: Any) -> str:
        """The name as it is written; raises `ValidationError` with the nearest one."""
        typed = str(super().to_python(value)).replace(" ", "_")
        names = {name.casefold(): name for name in (*ZONES, self.known)}
        if not typed or typed.casefold() in names:
            return names.get(typed.casefold(), "")
        cities = {name.rpartition("/")[2]: name for name in sorted(names, reverse=True)}
        near = difflib.get_close_matches(typed.casefold(), [*names, *cities], 1, 0.7)
        hint = f" Did you mean {names[cities.get(near[0], near[0])]}?" if near else ""
        raise ValidationError(f"“{value}” is not one of the time zones.{hint}")
