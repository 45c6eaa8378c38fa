"""The console: Django's admin machinery with our own pages and rules.

What is particular to it: no history beside the record, no deletion, pages that are never
cached, and a navigation of our own, to which each part adds its items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

import structlog
from django.contrib.admin import AdminSite, ModelAdmin
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from compliance.vocabulary import RecordUnavailable

if TYPE_CHECKING:
    _ModelAdmin = ModelAdmin[Any]  # a generic for the type checker only
else:
    _ModelAdmin = ModelAdmin

log = structlog.get_logger(__name__)

SECTIONS = ("Record", "Rules", "Machines", "People")


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the navigation; `section` is one of `SECTIONS`, `rank` its place there."""

    section: str
    rank: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the overview, drawn by `template` with `context`."""

    rank: int
    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


PanelView = Callable[[HttpRequest], Panel | None]


class Console(AdminSite):
    """The site at `/console/`. `panels` are asked for each overview; None hides one.

    `pages` give the addresses of pages that belong to no model.
    """

    site_header = "Domicile"
    site_title = "Domicile console"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False
    empty_value_display = "—"

    def __init__(self) -> None:
        super().__init__(name="admin")
        self.panels: list[PanelView] = []
        self.pages: list[Callable[[], list[URLPattern]]] = []

    def panel(self, view: PanelView) -> PanelView:
        """Put a panel on the overview."""
        self.panels.append(view)
        return view

    def get_urls(self) -> list[Any]:
        """Pages that belong to no model come first."""
        return [*(url for pages in self.pages for url in pages()), *super().get_urls()]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """As Django's, for pages that no cache keeps.

        Where the record or the database is not available, a page says so.
        """
        return super().admin_view(_or_unavailable(view), cacheable=False)

    def each_context(self, request: Any) -> dict[str, Any]:
        """What every page gets: the navigation too, and the reader's `place` in it."""
        context = super().each_context(request)
        if context["has_permission"]:
            context["navigation"] = self.navigation(request)
            entries = (entry for _name, part in context["navigation"] for entry in part)
            context["place"] = next((item for item, here in entries if here), None)
        return context

    def page(
        self, request: HttpRequest, template: str, title: str, **more: Any
    ) -> TemplateResponse:
        """A page of the console's own, drawn by `template` with `more`."""
        context = {**self.each_context(request), "title": title, **more}
        return TemplateResponse(request, template, context)

    def navigation(self, request: HttpRequest) -> list[tuple[str, list[tuple[Item, bool]]]]:
        """Sections with their items and whether each is where the reader is."""
        items = sorted(self._items(request), key=lambda item: item.rank)
        here = max(
            (item.url for item in items if request.path.startswith(item.url)),
            key=len,
            default="",
        )
        found = [
            (name, [(item, item.url == here) for item in items if item.section == name])
            for name in SECTIONS
        ]
        return [(name, entries) for name, entries in found if entries]

    def _items(self, request: HttpRequest) -> Iterable[Item]:
        for admin in self._registry.values():
            if isinstance(admin, Listed) and admin.has_view_permission(request):
                yield from admin.items()

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """The overview."""
        panels = [panel for view in self.panels if (panel := view(request)) is not None]
        panels.sort(key=lambda panel: panel.rank)
        return self.page(request, "admin/index.html", self.index_title, panels=panels)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """The overview serves in place of a page per Django app."""
        return HttpResponseRedirect(reverse("admin:index"))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The reader's own password, changed and recorded in one transaction."""
        from django.contrib.auth.views import PasswordChangeView  # noqa: PLC0415 - needs apps

        from compliance.admin.people import OwnPasswordForm  # noqa: PLC0415

        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)


class Listed(_ModelAdmin):
    """A model with a place in the navigation."""

    section = "Machines"
    rank = 0
    title = ""  # in the navigation; else the plural of the model's name

    def items(self) -> Iterable[Item]:
        """One item: the model's list."""
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        title = self.title or str(self.opts.verbose_name_plural)
        yield Item(self.section, self.rank, title[0].upper() + title[1:], url)


def _or_unavailable(view: Any) -> Any:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(request, *args, **kwargs)
        except (RecordUnavailable, DatabaseError):
            # Not its path: what a browser typed there may be anything.
            log.exception("console_unavailable", name=getattr(view, "__name__", "view"))
            return TemplateResponse(request, "admin/unavailable.html", status=503)

    return answered


console = Console()
