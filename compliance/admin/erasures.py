"""Erasing what is kept about a person, or of one request; and the certificates of it.

An identifier is typed, looked for, and shown with how many requests were found by it; only
then can they be erased. It is in no address and on no record: only its blind index is. The
process `records` erases; the page shows how far it is and ends with the certificate.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance import background
from compliance.admin.editing import ReadOnly
from compliance.admin.recording import actor
from compliance.admin.site import Panel, console
from compliance.audit import asking, certificate
from compliance.audit.asking import IDENTIFIER_MAX, REASON_MAX, ErasureRefused, Work
from compliance.audit.keys import KeyUnusable
from compliance.models import Erasure
from compliance.templatetags.console import badge, grouped

RIGHT = "compliance.erase_content"
SHOWN = 20  # requests named before they are erased


class EraseForm(forms.Form):
    """Whose content, or which request's, and why."""

    kind = forms.ChoiceField(
        label="Erase by",
        choices=[
            (Erasure.Kind.SUBJECT, "an identifier of a person"),
            (Erasure.Kind.REQUEST, "the id of a request"),
        ],
    )
    value = forms.CharField(
        label="Identifier or request id",
        max_length=IDENTIFIER_MAX,
        help_text="As the person writes it: an e-mail address, a telephone number, an IBAN, a "
        "number of a card or an identity document, or what your applications send as subject. "
        "It is not stored.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    reason = forms.CharField(
        max_length=REASON_MAX,
        help_text="On the record with your name; do not name the person here.",
        widget=forms.Textarea({"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """What is found by it; an error where it cannot be meant."""
        asked = super().clean() or {}
        if "kind" in asked and "value" in asked:
            try:
                self.found = asking.found(asked["kind"], asked["value"])
            except ErasureRefused as error:
                raise ValidationError({"value": str(error)}) from error
            except KeyUnusable as error:
                raise ValidationError(f"Nothing can be looked for: {error}") from error
        return asked


@admin.register(Erasure, site=console)
class ErasureAdmin(ReadOnly):
    """The list, the certificates, and the form."""

    section, rank, title = "Record", 40, "Erasures"
    change_list_template = "admin/erasures.html"
    change_form_template = "admin/erasure.html"
    list_display = ("number", "kind", "requests", "actor", "asked", "finished", "standing")
    list_filter = ("kind", "state")
    ordering = ("-id",)

    @admin.display(description="no.", ordering="id")
    def number(self, one: Erasure) -> str:
        """Of the certificate."""
        return f"No. {one.pk}"

    @admin.display(description="state", ordering="state")
    def standing(self, one: Any) -> str:
        """Whether it is done; else for how long it has waited."""
        if one.state == Erasure.State.DONE:
            return badge("completed")
        return format_html("{} waits for {}", badge("under way"), timesince(one.asked))

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the form."""
        guard = self.admin_site.admin_view
        return [
            path("erase/", guard(self.erase_view), name="erase"),
            path("<int:pk>/state.json", guard(self.state_view), name="erasure_state"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list, with the way to the form for who may use it."""
        more = {"may_erase": request.user.has_perm(RIGHT), "untaken": asking.untaken()}
        return super().changelist_view(request, (extra_context or {}) | more)

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """The certificate and where in the log it is; before that, how far the erasure is."""
        if obj.state == Erasure.State.DONE:
            shown = {"done": True, "entries": certificate.places(obj)}
        else:
            shown = {
                "work": Work.of(obj),
                "progress": progress(obj),
                "untaken": asking.untaken(),
            }
        return {"title": f"Erasure no. {obj.pk}", "erasure": obj, **shown}

    def state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, for the script of the page that waits for it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        one = self.found(request, pk)
        running = one.state != Erasure.State.DONE
        work = Work.of(one) if running else Work()
        return JsonResponse(
            {
                "running": running,
                "done": len(work.buckets),
                "total": work.total,
                "words": progress(one) if running else "",
            }
        )

    @method_decorator((csrf_protect, sensitive_post_parameters()))
    def erase_view(self, request: HttpRequest) -> HttpResponse:
        """Ask, show what is found, then erase it."""
        if not request.user.has_perm(RIGHT):
            raise PermissionDenied
        form = EraseForm(request.POST or None)
        sound = request.method == "POST" and form.is_valid()
        if sound and request.POST.get("erase"):
            return self._erase(request, form)
        if sound:  # drawn hidden from here on, with no help beside the fields
            for bound in form:
                bound.help_text = ""
        return console.page(
            request,
            "admin/erase.html",
            "Erase kept content",
            form=form,
            errors=form.errors,
            found=form.found if sound else None,
            shown=form.found[:SHOWN] if sound else [],
            more=max(0, len(form.found) - SHOWN) if sound else 0,
        )

    @staticmethod
    def _erase(request: HttpRequest, form: EraseForm) -> HttpResponse:
        asked = form.cleaned_data
        begun = asking.ask(
            asked["kind"], asked["value"], actor=actor(request), reason=asked["reason"]
        )
        background.tell(background.ERASE, begun.pk)
        where = reverse("admin:compliance_erasure_change", args=[begun.pk])
        return HttpResponseRedirect(where)


def progress(one: Erasure) -> str:
    """How far an erasure that is not done is, in words."""
    work = Work.of(one)
    if work.fault:
        return f"It waits, and is tried again every few seconds: {work.fault}"
    if not work.total:
        return "Waits for its turn."
    return f"{grouped(len(work.buckets))} of {grouped(work.total)} keys are replaced."


@console.panel
def late(request: HttpRequest) -> Panel | None:
    """That an erasure has waited for too long; nothing where none has."""
    if not request.user.has_perm("compliance.view_erasure"):
        return None
    since = asking.waiting_since()
    if since is None or timezone.now() - since < asking.LATE:
        return None
    context = {"since": since, "age": timesince(since)}
    return Panel(1, "An erasure waits", "admin/panels/erasures.html", context)
