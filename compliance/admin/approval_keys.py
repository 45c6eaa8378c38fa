"""The keys that people sign policies with: one's own, and those that wait to be endorsed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance.admin.editing import ReadOnly
from compliance.admin.policy_draft import person
from compliance.admin.policy_rights import APPROVE, PEOPLE, PROPOSE, SEE_KEYS, demand, may
from compliance.admin.policy_signing import AS_TWO, password_field, reason_field, refuse
from compliance.admin.site import console
from compliance.models import ApprovalKey
from compliance.templatetags.console import badge
from compliance.versions import Refused, keys
from compliance.versions.statements import fingerprint

ROLES = {"propose": (PROPOSE, "propose policies"), "approve": (APPROVE, "approve policies")}
LISTED = 100


class KeyForm(forms.Form):
    """What the key is for, and the password that will open it."""

    role = forms.ChoiceField(label="To", widget=forms.RadioSelect)
    password = password_field()

    def __init__(self, roles: list[str], data: Any = None) -> None:
        super().__init__(data, initial={"role": roles[0] if roles else None})
        self.fields["role"].choices = [(role, ROLES[role][1]) for role in roles]  # type: ignore[attr-defined]
        self.fields["password"].help_text = "From now on it opens the key whenever you sign."


class EndorseForm(forms.Form):
    """That the fingerprints were compared, and the password."""

    mark = forms.CharField(required=False, widget=forms.HiddenInput)
    compared = forms.BooleanField(
        label="This person has read the same fingerprint to me, as it was noted when the key "
        "was made",
        error_messages={"required": "Compare the fingerprint with this person first."},
    )
    password = password_field()


class RevokeForm(forms.Form):
    """Why."""

    reason = reason_field("It goes on the record.")


@admin.register(ApprovalKey, site=console)
class ApprovalKeyAdmin(ReadOnly):
    """One's own key, and everybody's."""

    section, rank, title = "People", 30, "Approval keys"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who see them, and those who sign."""
        return may(request, SEE_KEYS, PROPOSE, APPROVE)

    def get_urls(self) -> list[URLPattern]:
        """The list, and what can be done with a key."""
        guard = self.admin_site.admin_view
        return [
            path("create/", guard(self.create_view), name="approval_key_create"),
            path("<int:pk>/endorse/", guard(self.endorse_view), name="approval_key_endorse"),
            path("<int:pk>/revoke/", guard(self.revoke_view), name="approval_key_revoke"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *_a: Any, **_n: Any) -> Any:
        """A key has no page of its own: the list says all of it."""
        raise Http404

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The reader's key with what to do next, then everybody's."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = ApprovalKey.objects.select_related("person")[:LISTED]
        own = _own(request)
        return console.page(
            request,
            "admin/approval_keys.html",
            "Approval keys",
            own=own,
            own_mark=spaced(fingerprint(own.public_key)) if own else "",
            own_state=state(own) if own else "",
            roles=_roles(request),
            as_two=AS_TWO if may(request, *PEOPLE) else "",
            rows=[self._row(request, key) for key in rows],
        )

    @staticmethod
    def _row(request: HttpRequest, key: ApprovalKey) -> dict[str, Any]:
        mine = key.person_id == request.user.pk
        waits = state(key) == "waiting"
        return {
            "key": key,
            "state": badge(state(key)),
            "mark": spaced(fingerprint(key.public_key)),
            "words": ROLES[key.role][1],
            "may_endorse": waits and not mine and _approves(request),
            "may_revoke": key.revoked is None and (mine or _approves(request)),
        }

    @method_decorator((sensitive_post_parameters("password"), csrf_protect))
    def create_view(self, request: HttpRequest) -> HttpResponse:
        """Make the reader's own key."""
        demand(request, PROPOSE, APPROVE)
        if _own(request) is not None or not _roles(request):
            return _back()
        form = KeyForm(_roles(request), request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                key = keys.create(
                    person(request), given["password"], given["role"], request=request
                )
            except Refused as error:
                refuse(form, error)
            else:
                if not key.signature:
                    return _made(request, key)
                messages.success(request, "Your approval key is made.")
                return _back()
        return console.page(
            request,
            "admin/approval_key_create.html",
            "Make your approval key",
            form=form,
            errors=form.errors,
        )

    @method_decorator((sensitive_post_parameters("password"), csrf_protect))
    def endorse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Vouch for another person's key."""
        demand(request, APPROVE)
        key = self._found(pk)
        if key.person_id == request.user.pk or state(key) != "waiting":
            raise PermissionDenied
        form = EndorseForm(request.POST or None, initial={"mark": fingerprint(key.public_key)})
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                keys.endorse(
                    key, given["mark"], person(request), given["password"], request=request
                )
            except Refused as error:
                refuse(form, error)
            else:
                messages.success(request, f"The key of {key.person} counts now.")
                return _back()
        return self._asked(request, key, form, f"Endorse the key of {key.person}?")

    @method_decorator(csrf_protect)
    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a key: the reader's own, or another's."""
        key = self._found(pk)
        own = key.person_id == request.user.pk
        if key.revoked is not None or not (own or _approves(request)):
            raise PermissionDenied
        form = RevokeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                keys.revoke(key, person(request), form.cleaned_data["reason"])
            except Refused as error:
                refuse(form, error)
            else:
                messages.success(request, f"The key of {key.person} is revoked.")
                return _back()
        title = "Revoke your key?" if own else f"Revoke the key of {key.person}?"
        return self._asked(request, key, form, title, revoking=True)

    @staticmethod
    def _found(pk: int) -> ApprovalKey:
        key = ApprovalKey.objects.select_related("person").filter(pk=pk).first()
        if key is None:
            raise Http404
        return key

    @staticmethod
    def _asked(
        request: HttpRequest,
        key: ApprovalKey,
        form: forms.Form,
        title: str,
        revoking: bool = False,
    ) -> HttpResponse:
        return console.page(
            request,
            "admin/approval_key_question.html",
            title,
            key=key,
            mark=spaced(
                fingerprint(key.public_key) if revoking else form["mark"].value() or ""
            ),
            words=ROLES[key.role][1],
            form=form,
            errors=form.errors,
            revoking=revoking,
        )


def state(key: ApprovalKey) -> str:
    """In one word."""
    if key.revoked is not None:
        return "revoked"
    return "valid" if key.signature else "waiting"


def spaced(mark: str) -> str:
    """A fingerprint in groups, to be read aloud."""
    return " ".join(mark[at : at + 8] for at in range(0, len(mark), 8))


def _made(request: HttpRequest, key: ApprovalKey) -> HttpResponse:
    """The fingerprint of a key just made, never read back from the database."""
    return console.page(
        request,
        "admin/approval_key_made.html",
        "Note the fingerprint of your key",
        mark=spaced(fingerprint(key.public_key)),
    )


def _roles(request: HttpRequest) -> list[str]:
    if may(request, *PEOPLE):
        return []
    return [role for role, (right, _words) in ROLES.items() if may(request, right)]


def _approves(request: HttpRequest) -> bool:
    return "approve" in _roles(request)


def _own(request: HttpRequest) -> ApprovalKey | None:
    return ApprovalKey.objects.filter(person=person(request), revoked=None).first()


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:compliance_approvalkey_changelist"))
