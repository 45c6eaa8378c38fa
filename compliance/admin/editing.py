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
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from compliance.admin.recording import actor, changes, plain, record
from compliance.admin.site import Listed
from compliance.models import Application
from compliance.templatetags.console import badge


class Recorded(Listed):
    """A model that the console may add and change, never delete.

    `noun` begins the types of its events: `<noun>.<created>` and `<noun>.changed`.
    """

    noun = ""
    created = "created"
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
        """With `editable`: whether there is anything to send."""
        allowed = self.has_change_permission(request, obj)
        context.setdefault("editable", self.has_add_permission(request) if add else allowed)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the object and its relations and record it, in one transaction."""
        with transaction.atomic():
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
        record(actor(request), kind, named | dict(detail), application=application)


class Switched(Recorded):
    """A model that the console shows, and whose `active` it switches after a question.

    `consequence` says, for True and False, what switching does.
    """

    consequence: Mapping[bool, str] = {}
    change_form_template = "admin/switched.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made by commands on the machine, which also make its keys."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All: only the switch changes."""
        return self.fields or ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """The object, without a form to send."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        more = {
            "editable": False,
            "may_switch": self.has_change_permission(request),
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, more)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the switch."""
        meta = self.model._meta  # noqa: SLF001
        switch = path(
            "<path:object_id>/switch/",
            self.admin_site.admin_view(self.switch_view),
            name=f"{meta.app_label}_{meta.model_name}_switch",
        )
        return [switch, *super().get_urls()]

    @method_decorator(csrf_protect)
    def switch_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then switch `active` and record it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        if request.method == "POST":
            return self._switch(request, obj)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{'Deactivate' if obj.active else 'Activate'} {obj}?",
            "original": obj,
            "opts": self.model._meta,  # noqa: SLF001
            "target": not obj.active,
            "consequence": self.consequence[not obj.active],
        }
        return TemplateResponse(request, "admin/switch.html", context)

    def _switch(self, request: HttpRequest, obj: Any) -> HttpResponse:
        target = request.POST.get("active") == "1"
        with transaction.atomic():
            changed = self.model._default_manager.filter(pk=obj.pk).exclude(active=target)  # noqa: SLF001
            if changed.update(active=target):
                self.record(request, obj, "activated" if target else "deactivated", {})
        messages.success(request, f"{obj} is {'active' if target else 'deactivated'}.")
        meta = self.model._meta  # noqa: SLF001
        name = f"admin:{meta.app_label}_{meta.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[obj.pk]))
