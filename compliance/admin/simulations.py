"""Simulations: what a draft would have decided on the requests of the last days.

No prompt is read: what the policy knew of each request was recorded as counts and names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from compliance.admin import policy_choice
from compliance.admin.editing import ReadOnly
from compliance.admin.policy_rights import APPROVE, DRAFT, VIEW, demand, may
from compliance.admin.recording import actor
from compliance.admin.site import Item, console
from compliance.models import Simulation
from compliance.policy.simulate import OUTCOMES, Pair, Tally
from compliance.simulation import runs
from compliance.templatetags.console import CATEGORY_WORDS, grouped

SHOWN = 25  # runs a page
DAYS = (1, 7, 30, 90, 366)
BARS = 60  # newest days of the chart
State = Simulation.State


class SimulationForm(forms.Form):
    """Which policy, over how many days."""

    policy = forms.ChoiceField(
        label="Policy to try",
        help_text="It is compared with the version that is active now.",
    )
    days = forms.TypedChoiceField(
        label="Requests of the last",
        coerce=int,
        choices=[(days, f"{days} day{'s' if days > 1 else ''}") for days in DAYS],
        initial=7,
        help_text="What a retention rule has removed cannot be replayed; it is counted.",
    )

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        field = self.fields["policy"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = policy_choice.choices()

    def clean_policy(self) -> policy_choice.Chosen:
        """The policy itself."""
        try:
            return policy_choice.chosen(self.cleaned_data["policy"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Row:
    """How one group of requests is decided before and after; `changed` of `count`."""

    name: str
    count: int
    changed: int
    moves: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A day: how many requests, how many would be decided otherwise; lengths in per cent."""

    day: str
    seen: int
    changed: int
    length: float
    part: float


@admin.register(Simulation, site=console)
class SimulationAdmin(ReadOnly):
    """The list, the form, and a run."""

    section, rank, title = "Rules", 32, "Simulations"

    def items(self) -> Iterable[Item]:
        """The list, and beside it what else is asked of a policy."""
        yield from super().items()
        yield Item(self.section, self.rank + 1, "Playground", reverse("admin:playground"))
        yield Item(self.section, self.rank + 2, "Proofs", reverse("admin:policy_proofs"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see policies."""
        return may(request, VIEW)

    def get_urls(self) -> list[URLPattern]:
        """Django's list, and our pages of a run."""
        guard = self.admin_site.admin_view
        return [
            path("new/", guard(self.new_view), name="new_simulation"),
            path("<int:pk>/state.json", guard(self.state_view), name="simulation_state"),
            path("<int:pk>/cancel/", guard(self.cancel_view), name="cancel_simulation"),
            path("<int:pk>/", guard(self.run_view), name="simulation"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Runs, newest first."""
        demand(request, VIEW)
        page = Paginator(Simulation.objects.all(), SHOWN).get_page(request.GET.get("page"))
        return console.page(
            request,
            "admin/simulations.html",
            "Simulations",
            page=page,
            runs=[(run, *_found(run)) for run in page],
            moving=any(run.state in runs.UNFINISHED for run in page),
            may_start=may(request, DRAFT, APPROVE),
        )

    @method_decorator(csrf_protect)
    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Ask, and start."""
        demand(request, DRAFT, APPROVE)
        begun = {"policy": request.GET.get("policy"), "days": 7}
        form = SimulationForm(request.POST or None, initial=begun)
        if request.method == "POST" and form.is_valid():
            try:
                against = policy_choice.active()
            except policy_choice.NothingActive as error:
                form.add_error(None, str(error))
            else:
                asked = form.cleaned_data
                run = runs.start(
                    actor(request),
                    asked["policy"].title,
                    asked["policy"].policy,
                    against,
                    asked["days"],
                )
                return HttpResponseRedirect(reverse("admin:simulation", args=[run.pk]))
        return console.page(
            request,
            "admin/new_simulation.html",
            "New simulation",
            form=form,
            errors=form.errors,
        )

    def run_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One run: how far it is, then what came out."""
        run = self._run(request, pk)
        tally = Tally.read(run.tally) if run.tally else Tally()
        return console.page(
            request,
            "admin/simulation.html",
            f"Simulation no. {run.pk}",
            run=run,
            state=_state(run),
            moving=run.state in runs.UNFINISHED,
            progress=progress(run),
            done=run.cursor - run.begin,
            total=run.last - run.begin,
            tally=tally,
            matrix=matrix(tally.outcomes),
            columns=OUTCOMES,
            groupings=(
                ("By application", "application", rows(tally.applications)),
                ("By category of what was found", "category", _by_category(tally)),
            ),
            bars=bars(tally.days),
            may_start=may(request, DRAFT, APPROVE),
        )

    def state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, for the script of the page that waits for it."""
        run = self._run(request, pk)
        return JsonResponse(
            {
                "running": run.state in runs.UNFINISHED,
                "done": run.cursor - run.begin,
                "total": run.last - run.begin,
                "words": progress(run),
            }
        )

    @method_decorator((csrf_protect, require_POST))
    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a run; what it found so far stays."""
        demand(request, DRAFT, APPROVE)
        self._run(request, pk)
        if runs.cancel(actor(request), pk):
            messages.success(request, "The simulation is cancelled.")
        else:
            messages.warning(request, "It had ended already.")
        return HttpResponseRedirect(reverse("admin:simulation", args=[pk]))

    def _run(self, request: HttpRequest, pk: int) -> Simulation:
        demand(request, VIEW)
        run = Simulation.objects.filter(pk=pk).first()
        if run is None:
            raise Http404
        return run


def _state(run: Simulation) -> str:
    return "completed" if run.state == State.DONE else str(run.state)


def _found(run: Simulation) -> tuple[str, int, int]:
    return _state(run), run.tally.get("seen", 0), run.tally.get("changed", 0)


def progress(run: Simulation) -> str:
    """How far a run is, in a sentence."""
    if run.state == State.WAITING and not run.tally:
        return "Waits for its turn."
    seen, changed = run.tally.get("seen", 0), run.tally.get("changed", 0)
    return f"{grouped(seen)} requests replayed, {grouped(changed)} decided otherwise."


def matrix(outcomes: Counter[Pair]) -> list[tuple[str, list[tuple[int, bool]]]]:
    """Per outcome before, how many got each outcome after, and whether that is another."""
    return [
        (before, [(outcomes[before, after], before != after) for after in OUTCOMES])
        for before in OUTCOMES
        if any(outcomes[before, after] for after in OUTCOMES)
    ]


def rows(
    groups: Mapping[str, Counter[Pair]], words: Mapping[str, str] | None = None
) -> list[Row]:
    """Groups, those with the most changes first."""
    found = [
        Row(
            (words or {}).get(name, name),
            sum(pairs.values()),
            sum(_moved(pairs).values()),
            tuple((*pair, count) for pair, count in _moved(pairs).most_common()),
        )
        for name, pairs in groups.items()
    ]
    return sorted(found, key=lambda row: (-row.changed, -row.count, row.name))


def _by_category(tally: Tally) -> list[Row]:
    return rows(tally.categories, {str(kind): words for kind, words in CATEGORY_WORDS.items()})


def _moved(pairs: Counter[Pair]) -> Counter[Pair]:
    return Counter({pair: count for pair, count in pairs.items() if pair[0] != pair[1]})


def bars(days: Mapping[str, Iterable[int]]) -> list[Bar]:
    """The chart's days, newest first; the longest bar is the day with the most requests."""
    newest = sorted(days, reverse=True)[:BARS]
    counted = {day: tuple(days[day]) for day in newest}
    most = max((seen for seen, _ in counted.values()), default=0) or 1
    return [
        Bar(day, seen, changed, round(100 * seen / most, 2), round(100 * changed / most, 2))
        for day, (seen, changed) in counted.items()
    ]
