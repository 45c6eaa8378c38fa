"""Forms whose transaction is short, and whose change and event are one.

Django's admin opens its transaction before it validates and renders. On SQLite that is the
one write lock of the database, and a slow form would stop every prompt. Here the
transaction begins when everything is checked, and ends before the answer is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from compliance.admin.recording import actor, changes, plain, record
from compliance.admin.site import Listed, console
from compliance.audit.changes import recorded
from compliance.models import Application
from compliance.templatetags.console import badge, code


class Recorded(Listed):
    """A model that the console may add and change, never delete.

    `noun` begins the types of its events: `<noun>.<created>` and `<noun>.changed`.
    `adding` is what the way to a new one is called.
    """

    noun = ""
    created = "created"
    adding = ""
    actions = None
    list_per_page = 50
    save_on_top = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What the record speaks of stays; it can be switched off."""
        return False

    @admin.display(description="state", ordering="active")
    def standing(self, obj: Any) -> str:
        """Whether it is switched on, as a badge."""
        return badge("active" if obj.active else "inactive")

    @property
    def media(self) -> forms.Media:
        """None: Django's scripts want more than our Content-Security-Policy allows."""
        return forms.Media()

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Plain widgets, without buttons that open other windows."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    @method_decorator(csrf_protect)
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """Django's, without the transaction around it."""
        if object_id is not None and self.has_view_or_change_permission(request):
            self.found(request, object_id)
        return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]

    def render_change_form(  # noqa: PLR0917 - as Django declares it
        self,
        request: Any,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        """With what is beside the form, and `editable`: whether there is anything to send."""
        allowed = self.has_change_permission(request, obj)
        context["editable"] = self.has_add_permission(request) if add else allowed
        context["adding"] = self.adding
        if change:
            context |= self.beside(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def found(self, request: HttpRequest, object_id: Any) -> Any:
        """The object of this id; raises `Http404`."""
        obj = self.get_object(request, unquote(str(object_id)))
        if obj is None:
            raise Http404
        return obj

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the template of the page of `obj` gets beside its form."""
        return {}

    def has_right(self, request: HttpRequest, action: str) -> bool:
        """Whether the reader's roles hold `action` (view, add, change) for this model."""
        name = get_permission_codename(action, self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{name}"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the object and its relations and record it, in one transaction."""
        with recorded():
            if change:
                self._change(request, obj, form)
            else:
                obj.save()
                form.save_m2m()
                self.record(request, obj, self.created, self.describe(obj, form))

    def _change(self, request: HttpRequest, obj: Any, form: Any) -> None:
        names = [name for name in form.changed_data if name not in self.relations(obj)]
        before = self.model._default_manager.select_for_update().get(pk=obj.pk)  # noqa: SLF001
        linked = self.linked(before, form)
        differing = changes(before, obj, names)
        if differing:
            obj.save(update_fields=list(differing))
        form.save_m2m()
        differing |= {
            name: {"from": old, "to": new}
            for (name, old), new in zip(
                linked.items(), self.linked(obj, form).values(), strict=True
            )
            if old != new
        }
        if differing:
            self.record(request, obj, "changed", {"changes": differing})

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Done in `save_model`."""

    def log_addition(self, request: Any, obj: Any, message: Any) -> Any:
        """Not kept: the record is the one history."""

    def log_change(self, request: Any, obj: Any, message: Any) -> Any:
        """Not kept: the record is the one history."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> Any:
        """The record is the one history."""
        raise Http404

    @staticmethod
    def relations(obj: models.Model) -> set[str]:
        """Names of the many-to-many fields."""
        return {field.name for field in obj._meta.many_to_many}  # noqa: SLF001

    def linked(self, obj: models.Model, form: Any) -> dict[str, list[str]]:
        """The names at the other end of each many-to-many field of the form, sorted."""
        names = [name for name in form.fields if name in self.relations(obj)]
        return {
            name: sorted(str(other) for other in getattr(obj, name).all()) for name in names
        }

    def describe(self, obj: Any, form: Any) -> dict[str, Any]:
        """What the event of a new object says."""
        names = [name for name in form.fields if name not in self.relations(obj)]
        return {name: plain(getattr(obj, name)) for name in names} | self.linked(obj, form)

    def record(
        self, request: HttpRequest, obj: Any, what: str, detail: Mapping[str, Any]
    ) -> None:
        """Append the event of a change to `obj`."""
        application = obj if isinstance(obj, Application) else None
        named = {} if what == self.created else {self.noun: str(getattr(obj, "name", obj))}
        kind = f"{self.noun}.{what}"
        record(actor(request), kind, named | dict(detail), application=application, about=obj)


class ReadOnly(Recorded):
    """A model that the console shows, and that no form changes.

    What may happen to it (a switch, a revocation) has a page of its own, which asks for the
    right itself.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the group's rights say."""
        return self.has_right(request, "view")

    @admin.display(description="digest (SHA-256)")
    def short_digest(self, obj: Any) -> str:
        """Its beginning, of models that have one."""
        return code(f"{obj.digest[:12]}…")


class Switched(ReadOnly):
    """A model that the console shows, and whose `active` it switches after a question.

    `consequence` says, for True and False, what switching does.
    """

    consequence: Mapping[bool, str] = {}
    change_form_template = "admin/switched.html"

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Whether the reader may switch it."""
        return {"may_switch": self.has_right(request, "change")}

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the switch."""
        switch = path(
            "<path:object_id>/switch/",
            self.admin_site.admin_view(self.switch_view),
            name=f"{self.opts.app_label}_{self.opts.model_name}_switch",
        )
        return [switch, *super().get_urls()]

    @method_decorator(csrf_protect)
    def switch_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then switch `active` and record it."""
        if not self.has_right(request, "change"):
            raise PermissionDenied
        obj = self.found(request, object_id)
        if request.method == "POST":
            return self._switch(request, obj)
        return console.page(
            request,
            "admin/switch.html",
            f"{'Deactivate' if obj.active else 'Activate'} {obj}?",
            opts=self.opts,
            original=obj,
            target=not obj.active,
            consequence=self.consequence[not obj.active],
        )

    def _switch(self, request: HttpRequest, obj: Any) -> HttpResponse:
        target = request.POST.get("active") == "1"
        with recorded():
            changed = self.model._default_manager.filter(pk=obj.pk).exclude(active=target)  # noqa: SLF001
            if changed.update(active=target):
                self.record(request, obj, "activated" if target else "deactivated", {})
        messages.success(request, f"{obj} is {'active' if target else 'deactivated'}.")
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[obj.pk]))
