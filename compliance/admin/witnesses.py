"""Witnesses of this log, and the logs of others that this appliance witnesses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from compliance.admin.editing import Recorded
from compliance.admin.site import console
from compliance.audit import checkpoint, cosignature, cosigned, ledger, witness
from compliance.audit.files import VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.keys import KeyUnusable, read_key
from compliance.models import Witness, WitnessedLog
from compliance.models.witnesses import check_log_keys, check_witness_key
from compliance.templatetags.console import badge, grouped

if TYPE_CHECKING:
    _LogForm = forms.ModelForm[WitnessedLog]  # a generic for the type checker only
    _WitnessForm = forms.ModelForm[Witness]
else:
    _LogForm = _WitnessForm = forms.ModelForm

LINES = forms.Textarea({"rows": 3, "spellcheck": "false", "autocomplete": "off"})
BY_FILE = "none: cosignatures come by file"


def own_witness() -> str:
    """The verifier key of this appliance as a witness; empty where its key is not here."""
    keys = Path(settings.DOMICILE.data, "keys")
    try:
        key = Ed25519PrivateKey.from_private_bytes(read_key(keys / witness.KEY_FILE))
    except KeyUnusable:
        return ""
    name = witness.name_of(settings.DOMICILE.organisation)
    return cosignature.verifier_key(name, key.public_key().public_bytes_raw())


def own_log() -> str:
    """The verifier key of this log, as it is published; empty before the first checkpoint."""
    folder = folder_of(Path(settings.DOMICILE.data, "log"), ledger.current().number)
    return (LogFolder(folder).read(VERIFIER_KEY) or b"").decode("ascii", "replace").strip()


class WitnessedLogForm(_LogForm):
    """The keys of a log, which say its name."""

    def clean_verifier_keys(self) -> str:
        """Each key on a line of its own."""
        keys = "\n".join(self.cleaned_data["verifier_keys"].split())
        check_log_keys(keys)
        return keys

    def clean(self) -> dict[str, Any]:
        """The log's name is that in its keys; it never changes, and nobody else has it."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        keys = given.get("verifier_keys")
        if keys:
            origin = checkpoint.parse_verifier_key(keys.split()[0])[0]
            if self.instance.pk and self.instance.origin != origin:
                self.add_error(
                    "verifier_keys",
                    f"This is a key of {origin}, not of {self.instance.origin}. Register that "
                    "log by itself.",
                )
            elif WitnessedLog.objects.filter(origin=origin).exclude(pk=self.instance.pk):
                self.add_error("verifier_keys", f"The log {origin} is registered already.")
            else:
                self.instance.origin = origin
        return given


class WitnessForm(_WitnessForm):
    """A witness's key, which says its name, and where it is asked."""

    address = forms.ChoiceField(
        required=False,
        help_text="The operator allows addresses with DOMICILE_WITNESSES; no other is ever "
        "called.",
    )

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        allowed = {*settings.DOMICILE.witnesses, self.instance.address} - {""}
        choices = [("", BY_FILE), *((one, one) for one in sorted(allowed))]
        if "address" in self.fields:
            self.fields["address"] = forms.ChoiceField(
                choices=choices, required=False, help_text=self.fields["address"].help_text
            )

    def clean_verifier_key(self) -> str:
        """Without what a copy may have brought along; its name never changes."""
        key = str(self.cleaned_data["verifier_key"]).strip()
        check_witness_key(key)
        name = cosignature.parse_verifier_key(key)[0]
        if self.instance.pk and self.instance.name != name:
            raise forms.ValidationError(
                f"This is a key of {name}, not of {self.instance.name}. Add that one by itself."
            )
        if Witness.objects.filter(name=name).exclude(pk=self.instance.pk):
            raise forms.ValidationError(f"The witness {name} is here already.")
        if key == own_witness():
            raise forms.ValidationError(
                "This appliance cannot be the witness of its own log: whoever sets it back "
                "sets back what it knows."
            )
        self.instance.name = name
        return key


@admin.register(WitnessedLog, site=console)
class WitnessedLogAdmin(Recorded):
    """Registered and changed here; never deleted, because what was seen stays known."""

    noun, created, adding = "witnessed_log", "registered", "Register a log"
    section, rank, title = "Record", 46, "Logs witnessed here"
    form = WitnessedLogForm
    change_form_template = "admin/witnessed_log.html"
    change_list_template = "admin/witnessed_logs.html"
    fields = ("verifier_keys", "note", "active")
    list_display = ("origin", "entries", "cosigned", "note", "standing")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Keys are long."""
        if db_field.name == "verifier_keys":
            kwargs["widget"] = LINES
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="entries cosigned", ordering="size")
    def entries(self, log: Any) -> str:
        """Of the last checkpoint."""
        return grouped(log.size) if log.checkpoint else "none yet"

    def describe(self, obj: Any, form: Any) -> dict[str, Any]:
        """With its name, which its keys say."""
        return super().describe(obj, form) | {"origin": obj.origin}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """With what others need to have their logs cosigned here."""
        more = {**(extra_context or {}), "own_witness": own_witness()}
        return super().changelist_view(request, more)


@admin.register(Witness, site=console)
class WitnessAdmin(Recorded):
    """Added and changed here; never deleted, because kept cosignatures are theirs."""

    noun, created, adding = "witness", "registered", "Add a witness"
    section, rank, title = "Record", 45, "Witnesses"
    form = WitnessForm
    change_form_template = "admin/witness.html"
    change_list_template = "admin/witnesses.html"
    fields = ("verifier_key", "address", "site", "active")
    list_display = ("name", "where", "entries", "cosigned", "standing")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Keys are long."""
        if db_field.name == "verifier_key":
            kwargs["widget"] = forms.TextInput({"spellcheck": "false", "autocomplete": "off"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="asked at", ordering="address")
    def where(self, one: Any) -> str:
        """Its address, or that there is none."""
        return one.address or "by file"

    @admin.display(description="entries cosigned", ordering="size")
    def entries(self, one: Any) -> str:
        """Of the last checkpoint."""
        return grouped(one.size) if one.cosigned else "none yet"

    @admin.display(description="state")
    def standing(self, one: Any) -> str:
        """In a word."""
        return badge(state(one))

    def describe(self, obj: Any, form: Any) -> dict[str, Any]:
        """With its name, which its key says."""
        return super().describe(obj, form) | {"name": obj.name}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """With what a witness needs to know of this log."""
        return super().changelist_view(request, {**(extra_context or {}), **of_log()})

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What came of asking it, and the way to ask at once."""
        lag = max(0, ledger.current().size - obj.size) if obj.cosigned else None
        return {
            "state": state(obj),
            "lag": lag,
            "may_ask": bool(obj.address) and obj.active and self.has_right(request, "change"),
        }

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the button."""
        view = self.admin_site.admin_view(require_POST(self.ask_view))
        return [path("<int:pk>/ask/", view, name="ask_witness"), *super().get_urls()]

    @method_decorator(csrf_protect)
    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have it asked at once; the process beside the notary does it."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        one = self.found(request, pk)
        Witness.objects.filter(pk=one.pk).update(wanted=timezone.now())
        messages.success(request, f"{one} is asked within seconds; look here again.")
        return HttpResponseRedirect(reverse("admin:compliance_witness_change", args=[pk]))


def state(one: Witness) -> str:
    """How it stands with a witness, in a word or two."""
    if not one.active:
        return "inactive"
    if one.conflict_generation == ledger.current().number:
        return "contradicts" if one.conflict_size is not None else "claims otherwise"
    if one.error:
        return "no answer"
    return "signed" if one.cosigned else "waiting"


def of_log() -> Mapping[str, Any]:
    """For the pages that show what the witnesses have signed."""
    generation = ledger.current().number
    return {
        "own_log": own_log(),
        "witnesses": [(one, state(one)) for one in Witness.objects.all()],
        "policy": cosigned.policy(),
        "standing": cosigned.standing(generation),
    }
