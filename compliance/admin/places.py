"""Sites: where requests may be processed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from compliance.admin.editing import Switched
from compliance.admin.site import console
from compliance.models import Site
from compliance.templatetags.console import code

if TYPE_CHECKING:
    _SiteForm = forms.ModelForm[Site]  # a generic for the type checker only
else:
    _SiteForm = forms.ModelForm

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
CERTIFICATIONS = 20
LENGTH = 100  # letters of one


class Lines(forms.CharField):
    """A list of short texts, a line each; no two the same."""

    widget = forms.Textarea({"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        """A line each."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Without empty lines."""
        lines = [line.strip() for line in str(value or "").splitlines()]
        return list(dict.fromkeys(line for line in lines if line))

    def validate(self, value: Any) -> None:
        """Not too many, none too long."""
        if len(value) > CERTIFICATIONS or any(len(line) > LENGTH for line in value):
            raise forms.ValidationError(
                f"Give at most {CERTIFICATIONS} lines of at most {LENGTH} letters each."
            )

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another list was sent."""
        return bool((initial or []) != self.to_python(data))

    def run_validators(self, value: Any) -> None:
        """Those of a text do not apply to a list."""


class SiteForm(_SiteForm):
    """What is said of a site. Its name and country are said once."""

    certifications = Lines(
        required=False,
        help_text="What the site is certified for, as policies name it: a line each, such as "
        "ISO 27001.",
    )

    def clean_name(self) -> str:
        """Letters that a queue can be named with."""
        name = str(self.cleaned_data["name"])
        if not NAME.fullmatch(name):
            raise forms.ValidationError(
                "Use a-z, 0-9 and hyphens, beginning and ending with a letter or digit."
            )
        return name


@admin.register(Site, site=console)
class SiteAdmin(Switched):
    """Registered, described and switched here; its key comes from its first node."""

    noun, created, adding = "site", "registered", "Register a site"
    section, rank = "Machines", 30
    form = SiteForm
    list_display = ("name", "country", "operator", "standing", "created")
    list_filter = ("country", "active")
    search_fields = ("name", "operator")
    search_help_text = "Name or operator"
    consequence = {
        False: "No further request is sent to this site. Requests that are being answered"
        " there are finished.",
        True: "Requests that the policy permits there may be sent to this site.",
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As the group's rights say."""
        return self.has_right(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the group's rights say; only what is not read-only can be changed."""
        return self.has_right(request, "change")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a site is, and then what it has become."""
        said = ("name", "country", "operator", "certifications")
        return said if obj is None else (*said, "fingerprint", "standing", "created")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A site does not move, and what the record calls it stays."""
        fixed = ("fingerprint", "standing", "created")
        return fixed if obj is None else ("name", "country", *fixed)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """A list is typed as lines."""
        if db_field.name == "certifications":
            return self.form.base_fields["certifications"]
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def describe(self, obj: Any, form: Any) -> dict[str, Any]:
        """As set-up describes its own site."""
        return {
            "site": obj.name,
            "country": obj.country,
            "public_key": "",
            "operator": obj.operator,
            "certifications": list(obj.certifications),
        }

    @admin.display(description="public key (X25519)")
    def fingerprint(self, site: Any) -> str:
        """The key that requests for this site are sealed to."""
        key = bytes(site.public_key).hex()
        return code(key) if key else "none yet: it comes from the first node approved there"
