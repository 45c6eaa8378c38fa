"""The catalogue in the console: what there is to be had, and on which GPUs a model fits.

Nothing is changed here and nothing is asked of anybody: the catalogue comes with the release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from compliance.admin.site import console
from inference.catalogue import Published, Unknown, Weights, gpu, gpus, licences, models, words
from inference.catalogue import model as named
from inference.fit import COUNTS, Fit, Setup, host, smallest
from inference.models import Model

VIEW = "inference.view_model"
CONTEXT = 32_768  # tokens, unless the model has less
SLOTS = 4  # requests that llama.cpp answers at the same time, as the worker starts it
MOST = 100_000  # requests at the same time; no machine has so many
BILLIONS = (4, 10, 40, 150)


def urls() -> list[URLPattern]:
    """The addresses of these views."""
    return [
        path("catalogue/", console.admin_view(catalogue_view), name="catalogue"),
        path("catalogue/<str:name>/", console.admin_view(model_view), name="catalogue_model"),
    ]


console.pages.append(urls)


def _families() -> list[tuple[str, str]]:
    names = sorted({one.family for one in models().values()})
    return [("", "All"), *((name, name) for name in names)]


def _licences() -> list[tuple[str, str]]:
    return [("", "All"), *((one.id, one.title) for one in licences().values())]


def _gpus() -> list[tuple[str, str]]:
    return [("", "All"), *((kind.name, kind.title) for kind in gpus().values())]


class NarrowForm(forms.Form):
    """Which models of the catalogue are shown."""

    family = forms.ChoiceField(label="Family", required=False, choices=_families)
    licence = forms.ChoiceField(label="Licence", required=False, choices=_licences)
    eu = forms.ChoiceField(
        label="In the European Union",
        required=False,
        choices=[("", "All"), ("free", "Not restricted there"), ("restricted", "Restricted")],
    )
    size = forms.ChoiceField(
        label="Parameters",
        required=False,
        choices=[("", "All"), *((str(most), f"Up to {most} billion") for most in BILLIONS)],
    )
    task = forms.ChoiceField(
        label="For",
        required=False,
        choices=[("", "All"), ("chat", "Chat"), ("embeddings", "Embeddings")],
    )

    def chosen(self) -> list[Published]:
        """Those that are asked for; none where what was asked is no choice."""
        if not self.is_valid():
            return []
        asked = self.cleaned_data
        return [
            one
            for one in models().values()
            if asked["family"] in ("", one.family)
            and asked["licence"] in ("", one.licence.id)
            and asked["task"] in ("", one.task)
            and asked["eu"] in ("", "restricted" if one.eu else "free")
            and (not asked["size"] or one.shape.parameters() <= int(asked["size"]) * 1e9)
        ]


class FitForm(forms.Form):
    """Which machines a model is tried on."""

    precision = forms.ChoiceField(label="Weights", required=False)
    gpu = forms.ChoiceField(label="GPU", required=False, choices=_gpus)
    gpus = forms.ChoiceField(
        label="How many",
        required=False,
        choices=[("", "The fewest that do"), *((str(count), str(count)) for count in COUNTS)],
    )
    context = forms.IntegerField(label="Tokens of prompt and answer", min_value=1)
    concurrent = forms.IntegerField(label="Such requests at once", min_value=1, max_value=MOST)
    cache = forms.ChoiceField(
        label="Cache", required=False, choices=[("16", "16 bits"), ("8", "8 bits")]
    )

    def __init__(self, one: Published, given: Mapping[str, str]) -> None:
        """For `one`, with what was given in the address."""
        super().__init__(given)
        precision = self.fields["precision"]
        if isinstance(precision, forms.ChoiceField):
            there = [(each.precision.name, each.precision.title) for each in one.weights]
            precision.choices = [("", "All"), *there]
        self.one = one

    def clean_context(self) -> int:
        """No more than the model was made for."""
        context: int = self.cleaned_data["context"]
        if context > self.one.context:
            raise forms.ValidationError(
                f"{self.one.title} was made for {self.one.context:,} tokens at most."
            )
        return context


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of machine. `sizes` are of each GPU: weights, engine, cache."""

    machines: str
    sizes: tuple[str, str, str]
    requests: str
    problem: str


@dataclass(frozen=True, slots=True)
class Tried:
    """Weights of a model, and what came of them on each kind of machine.

    `memory` is said of those that llama.cpp serves from main memory; the others have `rows`,
    and `unfit` where it does not fit.
    """

    weights: Weights
    size: str
    arguments: str
    rows: list[Row]
    unfit: list[Row]
    memory: str


def catalogue_view(request: HttpRequest) -> HttpResponse:
    """Every model, a line each."""
    _look(request)
    form = NarrowForm(request.GET)
    here = set(Model.objects.values_list("name", flat=True))
    rows = [(one, words.billions(one.shape.parameters())) for one in form.chosen()]
    narrowed = any(request.GET.get(name) for name in form.fields)
    return console.page(
        request,
        "admin/catalogue.html",
        "Catalogue",
        rows=rows,
        here=here,
        form=form,
        narrowed=narrowed,
    )


def model_view(request: HttpRequest, name: str) -> HttpResponse:
    """A model, and the machines that it fits."""
    _look(request)
    try:
        one = named(name)
    except Unknown as error:
        raise Http404(str(error)) from error
    usual = {"context": str(min(CONTEXT, one.context)), "concurrent": "1", "cache": "16"}
    form = FitForm(one, {**usual, **request.GET.dict()})
    valid = form.is_valid()
    return console.page(
        request,
        "admin/catalogue_model.html",
        one.title,
        one=one,
        parameters=words.parameters(one.shape),
        attention=words.attention(one.shape),
        kept=words.kept(one.shape),
        checked=words.checked(one),
        remote_code=words.REMOTE_CODE if one.remote_code else "",
        no_restriction=words.NO_RESTRICTION,
        form=form,
        tried=list(_tried(one, form)) if valid else [],
        context=form.cleaned_data.get("context"),
        narrowed=bool(request.GET),
    )


def _look(request: HttpRequest) -> None:
    if not request.user.has_perm(VIEW):
        raise PermissionDenied


def _tried(one: Published, form: FitForm) -> Iterable[Tried]:
    asked = form.cleaned_data
    for weights in one.weights:
        if asked["precision"] not in ("", weights.precision.name):
            continue
        shape, precision = one.shape_of(weights), weights.precision
        arguments = words.written(one.arguments(weights))
        memory, rows = "", []
        if precision.for_gpu:
            rows = [_row(found) for found in _fits(one, weights, form)]
        else:
            slots = max(SLOTS, asked["concurrent"])
            needed = host(shape, precision, asked["context"], slots)
            memory = f"{words.gib(needed)} of main memory for {slots:,} requests at once"
        size = words.gigabytes(precision.weights(shape))
        fits = [row for row in rows if not row.problem]
        unfit = [row for row in rows if row.problem]
        yield Tried(weights, size, arguments, fits, unfit, memory)


def _row(found: Fit) -> Row:
    return Row(
        words.machines(found),
        (words.gib(found.weights), words.gib(found.needs), words.gib(found.cache)),
        f"{found.requests:,.1f}",
        found.problem,
    )


def _fits(one: Published, weights: Weights, form: FitForm) -> list[Fit]:
    asked = form.cleaned_data
    kinds = [gpu(asked["gpu"])] if asked["gpu"] else gpus().values()
    bits = int(asked["cache"] or 16)
    setups = [
        Setup(gpu=kind, count=1, context=asked["context"], cache_bytes=bits // 8)
        for kind in kinds
    ]
    counts = (int(asked["gpus"]),) if asked["gpus"] else COUNTS
    shape = one.shape_of(weights)
    return smallest(shape, weights.precision, setups, asked["concurrent"], counts)
