"""Enrolments: a token for a machine, the machine that came with it, and an operator's word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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

from compliance.admin.editing import ReadOnly
from compliance.admin.recording import actor
from compliance.admin.site import Panel, console
from compliance.audit.keys import KeyUnusable, read_key
from compliance.models import Site
from compliance.templatetags.console import badge, moment
from inference import enrolling
from inference.enrolment import SAID_MAX, EnrolmentRefused, fingerprint
from inference.models import Model, NodeEnrolment

State = NodeEnrolment.State


def state(row: NodeEnrolment) -> str:
    """How far it has come, in a word or two."""
    if row.state == State.OPEN and row.expires <= timezone.now():
        return "expired"
    return {State.OPEN: "token open"}.get(State(row.state), str(row.state))


def gateway_key() -> Ed25519PrivateKey:
    """The key that answers are signed with; raises `KeyUnusable`."""
    return Ed25519PrivateKey.from_private_bytes(
        read_key(Path(settings.DOMICILE.data, "keys", "gateway.ed25519"))
    )


class InviteForm(forms.Form):
    """For which site a machine is wanted."""

    site = forms.ModelChoiceField(
        Site.objects.filter(active=True),
        empty_label=None,
        help_text="The machine stands there, and its answers will be said to come from there.",
    )


class BringForm(forms.Form):
    """A request that came as a file."""

    request = forms.FileField(
        label="Request",
        help_text="The file that <code>manage.py enrol TOKEN --request FILE</code> has written "
        "on the machine.",
    )


class DeclineForm(forms.Form):
    """Why a machine is sent away."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea({"rows": 2}),
        help_text="It goes on the record, and the machine is told.",
    )


@admin.register(NodeEnrolment, site=console)
class NodeEnrolmentAdmin(ReadOnly):
    """The list, and what an operator does with a token and with a machine."""

    section, rank, title = "Machines", 45, "Enrolments"
    change_form_template = "admin/enrolment.html"
    change_list_template = "admin/enrolments.html"
    fields = ("site", "created", "created_by", "expires", "used", "decided", "decided_by")
    list_display = ("__str__", "site", "standing", "created", "ends", "decided_by")
    list_filter = ("state", "site")
    list_select_related = ("site",)

    @admin.display(description="state")
    def standing(self, row: Any) -> str:
        """As a badge."""
        return badge(state(row))

    @admin.display(description="token ends", ordering="expires")
    def ends(self, row: Any) -> str:
        """Until when it may be used."""
        return moment(row.expires)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """With the two ways to begin."""
        more = {**(extra_context or {}), "may_invite": self.has_right(request, "add")}
        return super().changelist_view(request, more)

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """The keys to compare, and what can be done now."""
        may = self.has_right(request, "change")
        served = Model.objects.filter(name=obj.model).exists()
        return {
            "state": state(obj),
            "node_fingerprint": fingerprint(bytes(obj.node_key)) if obj.node_key else "",
            "site_fingerprint": fingerprint(bytes(obj.site_key)) if obj.site_key else "",
            "first": not bytes(obj.site.public_key),
            "served": served,
            "decline": DeclineForm(),
            "may_decide": may and obj.state == State.WAITING,
            "may_withdraw": may and obj.state == State.OPEN,
            "may_fetch": may and obj.state == State.APPROVED,
        }

    def get_urls(self) -> list[URLPattern]:
        """Django's, and one for each thing that is done."""
        guard = self.admin_site.admin_view
        post: Callable[[Any], Any] = lambda view: guard(require_POST(view))  # noqa: E731
        return [
            path("invite/", guard(self.invite_view), name="invite_node"),
            path("bring/", guard(self.bring_view), name="bring_enrolment"),
            path("<int:pk>/approve/", post(self.approve_view), name="approve_enrolment"),
            path("<int:pk>/decline/", post(self.decline_view), name="decline_enrolment"),
            path("<int:pk>/withdraw/", post(self.withdraw_view), name="withdraw_enrolment"),
            path("<int:pk>/answer/", guard(self.answer_view), name="enrolment_answer"),
            *super().get_urls(),
        ]

    @method_decorator(csrf_protect)
    def invite_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the site; then show a token, this once."""
        if not self.has_right(request, "add"):
            raise PermissionDenied
        form = InviteForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self._invite(request, form.cleaned_data["site"])
        title = "Make a token for a machine"
        sites = Site.objects.filter(active=True).exists()
        return console.page(request, "admin/invite_node.html", title, form=form, sites=sites)

    def _invite(self, request: HttpRequest, site: Site) -> HttpResponse:
        try:
            key = gateway_key().public_key().public_bytes_raw()
        except KeyUnusable as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:invite_node"))
        row, token = enrolling.invite(site, actor(request), key)
        first = not bytes(site.public_key)
        response = console.page(
            request, "admin/node_invited.html", "Your token", row=row, token=token, first=first
        )
        response.headers["Cache-Control"] = "no-store, private"
        return response

    @method_decorator(csrf_protect)
    def bring_view(self, request: HttpRequest) -> HttpResponse:
        """Take a request from a file, for machines without a way to the appliance."""
        if not self.has_right(request, "add"):
            raise PermissionDenied
        sent = request.method == "POST"
        form = BringForm(request.POST, request.FILES) if sent else BringForm()
        if form.is_valid():
            try:
                row = enrolling.request(form.cleaned_data["request"].read(SAID_MAX + 1))
            except EnrolmentRefused as refusal:
                form.add_error("request", str(refusal))
            else:
                return self._shown(row.pk)
        return console.page(request, "admin/bring_enrolment.html", "Bring a request", form=form)

    @method_decorator(csrf_protect)
    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make the machine a node, once the operator has said that the keys are the same."""
        if request.POST.get("compared") != "1":
            messages.error(
                request,
                "Nothing was done: compare the fingerprints with those that the machine shows, "
                "and say so.",
            )
            return self._shown(pk)
        return self._done(
            request,
            pk,
            lambda row: enrolling.approve(row, actor(request)),
            "The node is enrolled. Start its worker.",
        )

    @method_decorator(csrf_protect)
    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the machine away."""
        form = DeclineForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Nothing was done: say why, in at most 500 letters.")
            return self._shown(pk)
        reason = form.cleaned_data["reason"]
        return self._done(
            request,
            pk,
            lambda row: enrolling.decline(row, actor(request), reason),
            "The machine is declined, and its token is worth nothing.",
        )

    @method_decorator(csrf_protect)
    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a token back."""
        return self._done(
            request,
            pk,
            lambda row: enrolling.withdraw(row, actor(request)),
            "The token is worth nothing any more.",
        )

    def answer_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The answer, as a file for the machine."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        row = self.found(request, pk)
        try:
            content = enrolling.answer(row, gateway_key())
        except (EnrolmentRefused, KeyUnusable) as error:
            messages.error(request, str(error))
            return self._shown(pk)
        name = f"enrolled-{row.node}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(content, content_type="application/json", headers=headers)

    def _done(
        self,
        request: HttpRequest,
        pk: int,
        act: Callable[[NodeEnrolment], object],
        words: str,
    ) -> HttpResponse:
        if not self.has_right(request, "change"):
            raise PermissionDenied
        try:
            act(self.found(request, pk))
        except EnrolmentRefused as refusal:
            messages.error(request, f"Nothing was done: {refusal}")
        else:
            messages.success(request, words)
        return self._shown(pk)

    @staticmethod
    def _shown(pk: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:inference_nodeenrolment_change", args=[pk]))


@console.panel
def waiting(request: HttpRequest) -> Panel | None:
    """Machines that wait for an operator."""
    if not request.user.has_perm("inference.view_nodeenrolment"):
        return None
    rows = list(NodeEnrolment.objects.select_related("site").filter(state=State.WAITING)[:20])
    if not rows:
        return None
    return Panel(29, "Machines waiting", "admin/panels/enrolments.html", {"rows": rows})
