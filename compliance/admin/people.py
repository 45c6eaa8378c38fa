"""Who may use the console, and in which role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    AdminUserCreationForm,
    PasswordChangeForm,
    UserChangeForm,
)
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance.admin.editing import ReadOnly, Recorded
from compliance.admin.recording import actor, record
from compliance.admin.roles import RIGHTS
from compliance.admin.site import console
from compliance.audit.changes import recorded
from compliance.templatetags.console import badge
from compliance.versions import keys

if TYPE_CHECKING:  # generics for the type checker only
    _NewUserForm = AdminUserCreationForm[User]
    _UserForm = UserChangeForm[User]
else:
    _NewUserForm, _UserForm = AdminUserCreationForm, UserChangeForm


class OwnPasswordForm(PasswordChangeForm):
    """The reader's own new password; saving it is on the record."""

    def save(self, commit: bool = True) -> Any:
        """Store and record in one transaction; the approval key is sealed anew."""
        old, new = (self.cleaned_data[name] for name in ("old_password", "new_password1"))
        store_key = keys.resealing(self.user, old, new)
        with recorded():
            user = super().save(commit)
            name = user.get_username()
            record(name, "user.password_changed", {"user": name}, about=user)
            store_key()
        return user


class _Roles(forms.CheckboxSelectMultiple):
    """All roles at once: there are five."""


class _RoleFilter(admin.RelatedFieldListFilter):
    """People by role."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.title = "role"


def _asks_for_password(form: forms.BaseForm) -> None:
    """Everybody here has a password; Django's forms would let one be without."""
    form.fields.pop("usable_password", None)
    for name in ("password1", "password2"):
        form.fields[name].required = True


class NewUserForm(_NewUserForm):
    """Name, password and roles."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        _asks_for_password(self)

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "groups")
        widgets = {"groups": _Roles}


class UserForm(_UserForm):
    """Roles and whether the user may log in."""

    password = None  # type: ignore[assignment] # shown nowhere

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "is_active", "groups")
        widgets = {"groups": _Roles}
        help_texts = {"is_active": "Clear it to keep this person out."}


@admin.register(User, site=console)
class UserAdmin(Recorded):
    """People of the console. Each may log in; what they see their roles say."""

    noun = "user"
    adding = "Add person"
    section, rank, title = "People", 10, "People"
    change_form_template = "admin/user.html"
    list_display = ("username", "full_name", "roles", "standing", "last_login")
    list_filter = ("is_active", ("groups", _RoleFilter))
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = "User name, name or e-mail address"
    add_fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email")}),
        ("Password", {"fields": ("password1", "password2")}),
        ("Roles", {"fields": ("groups",)}),
    )
    fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "is_active")}),
        ("Roles", {"fields": ("groups",)}),
    )

    @admin.display(description="state", ordering="is_active")
    def standing(self, obj: Any) -> str:
        """Whether this person may log in, as a badge."""
        return badge("active" if obj.is_active else "inactive")

    @admin.display(description="name")
    def full_name(self, user: Any) -> str:
        """First and last name."""
        return str(user.get_full_name())

    @admin.display(description="roles")
    def roles(self, user: Any) -> str:
        """By name."""
        names = [group.name for group in user.groups.all()]
        return ", ".join(["Superuser"] * user.is_superuser + names)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the roles."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_form(
        self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """One form for a new user, another for a known one."""
        kwargs["form"] = UserForm if obj else NewUserForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The password is asked for once."""
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name: the record speaks of people by it."""
        return ("username",) if obj else ()

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Roles as boxes to tick."""
        if db_field.name == "groups":
            kwargs["widget"] = _Roles()
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None:
            field.label = "Roles"
            field.help_text = "What this person may see and do."
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser is changed by superusers only."""
        allowed = super().has_change_permission(request, obj)
        above = isinstance(obj, User) and obj.is_superuser
        return allowed and (not above or bool(request.user.is_superuser))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Whoever is entered here may log in here."""
        obj.is_staff = True
        super().save_model(request, obj, form, change)

    def describe(self, obj: Any, form: Any) -> dict[str, Any]:
        """Name and roles; nothing else about a person belongs on the record."""
        return {"user": obj.get_username()} | self.linked(obj, form)

    def record(self, request: HttpRequest, obj: Any, what: str, detail: Any) -> None:
        """Of names and addresses, only that they changed."""
        private = ("first_name", "last_name", "email")
        changed = {
            name: "changed" if name in private else value
            for name, value in detail.get("changes", {}).items()
        }
        about = dict(detail) | ({"changes": changed} if changed else {})
        super().record(request, obj, what, about)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and a new password."""
        view = path(
            "<int:pk>/password/",
            self.admin_site.admin_view(self.password_view),
            name="user_password",
        )
        return [view, *super().get_urls()]

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """The way to a new password."""
        return {"may_set_password": self.has_change_permission(request, obj)}

    @method_decorator((sensitive_post_parameters(), csrf_protect))
    def password_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Another person's new password. It ends that person's sessions."""
        user = self.found(request, pk)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        form = AdminPasswordChangeForm(user, request.POST or None)
        _asks_for_password(form)
        if request.method == "POST" and form.is_valid():
            with recorded():
                form.save()
                detail = {"user": user.get_username()}
                record(actor(request), "user.password_changed", detail, about=user)
                keys.lose(user, actor=actor(request))
            self.message_user(request, f"The password of {user} is changed.")
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[pk]))
        title = f"New password for {user}"
        return console.page(
            request,
            "admin/user_password.html",
            title,
            opts=self.opts,
            original=user,
            form=form,
        )


@admin.register(Group, site=console)
class GroupAdmin(ReadOnly):
    """The roles, in words. They come with the appliance and are not changed here."""

    section, rank, title = "People", 20, "Roles"
    list_display = ("name",)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """One table: rights by role."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = [
            (title, [bool(rights <= RIGHTS[name]) for name in RIGHTS])
            for title, rights in WORDS
        ]
        roles = [
            (name, User.objects.filter(groups__name=name, is_active=True).count())
            for name in RIGHTS
        ]
        return console.page(request, "admin/roles.html", "Roles", roles=roles, rows=rows)


def _rights(*names: str) -> frozenset[str]:
    return frozenset(names)


WORDS = (
    (
        "See the record: requests, events, policies; verify the log",
        _rights("compliance.view_event"),
    ),
    ("See applications and keys", _rights("compliance.view_application")),
    ("See models, sites, nodes and deployments", _rights("inference.view_node")),
    ("See people and roles", _rights("auth.view_user")),
    ("Register and change applications", _rights("compliance.change_application")),
    ("Issue and revoke keys", _rights("compliance.add_apikey", "compliance.change_apikey")),
    (
        "Write policies, and propose them for approval",
        _rights("compliance.change_policydraft", "compliance.propose_policyversion"),
    ),
    (
        "Approve policies that somebody else proposed",
        _rights("compliance.approve_policyversion"),
    ),
    ("Acknowledge alarms", _rights("compliance.change_alarm")),
    ("Read kept prompts and answers", _rights("compliance.disclose_content")),
    ("Erase kept prompts and answers", _rights("compliance.erase_content")),
    (
        "Deploy models; switch sites, nodes and deployments off and on",
        _rights("compliance.change_site", "inference.add_deployment"),
    ),
    ("Enter people and give roles", _rights("auth.change_user")),
    ("Change or delete what is on the record", _rights("compliance.delete_event")),
)
