"""Sites: where requests may be processed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from compliance.admin.editing import Switched
from compliance.admin.site import console
from compliance.models import Site
from compliance.templatetags.console import code


@admin.register(Site, site=console)
class SiteAdmin(Switched):
    """Shown and switched; made by commands, which also make their keys."""

    noun = "site"
    section, rank = "Machines", 30
    fields = ("name", "country", "fingerprint", "standing", "created")
    list_display = ("name", "country", "standing", "created")
    list_filter = ("country", "active")
    search_fields = ("name",)
    search_help_text = "Name"
    consequence = {
        False: "No further request is sent to this site. Requests that are being answered"
        " there are finished.",
        True: "Requests that the policy permits there may be sent to this site.",
    }

    @admin.display(description="public key (X25519)")
    def fingerprint(self, site: Any) -> str:
        """The key that requests for this site are sealed to."""
        return code(bytes(site.public_key).hex())
