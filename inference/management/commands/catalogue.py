"""`manage.py catalogue`: open models that people deploy, and which machines they fit."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.catalogue import Published, Unknown, Weights, gpu, gpus, model, models, words
from inference.fit import COUNTS, Fit, Gpu, Setup, host, smallest
from inference.shape import Shape

DOES_NOT_FIT = 1  # exit code
CONTEXT = 32_768  # tokens, unless one is asked for or the model has less
HEADING = f"  {'':<40}" + "".join(
    f"{one:>12}" for one in ("weights", "engine", "cache", "tokens", "requests")
)
SLOTS = 4  # requests that llama.cpp answers at the same time, as the worker starts it


class Command(BaseCommand):
    """The catalogue at the command line."""

    help = (
        "Open models that people deploy: what there is, what a model's terms and sizes are, "
        "and on which GPUs it fits. Exit codes: 0 done, 1 does not fit, 2 no such thing."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        actions = parser.add_subparsers(dest="action", required=True)
        every = actions.add_parser("list", help="the models, a line each")
        every.add_argument("--family", help="only of this family, as in Llama")
        every.add_argument("--task", choices=("chat", "embeddings"), help="only for this")
        every.add_argument(
            "--eu", action="store_true", help="only without a restriction in the EU"
        )
        every.add_argument("--gpus", action="store_true", help="the kinds of GPU instead")
        actions.add_parser("show", help="all about a model").add_argument("name")
        _fit_arguments(actions.add_parser("fit", help="on which machines a model fits"))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it."""
        say = self.stdout.write
        actions: dict[str, Callable[[dict[str, Any], Callable[[str], None]], int]] = {
            "list": _list,
            "show": _show,
            "fit": _fit,
        }
        try:
            code = actions[options["action"]](options, say)
        except Unknown as error:
            raise CommandError(str(error), returncode=2) from error
        if code:
            sys.exit(code)


def _fit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("--precision", help="of the weights, as in fp8; else each there is")
    parser.add_argument("--gpu", action="append", help="kind, as in H100-80; else every kind")
    parser.add_argument("--gpus", type=int, choices=COUNTS, help="how many; else the fewest")
    parser.add_argument("--context", type=_number, help="tokens, prompt and answer (32768)")
    parser.add_argument(
        "--concurrent", type=_number, default=1, help="of that length, at once (1)"
    )
    parser.add_argument("--cache", choices=("16", "8"), default="16", help="bits of the cache")


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("must be at least 1")
    return number


def _list(options: dict[str, Any], say: Callable[[str], None]) -> int:
    if options["gpus"]:
        for kind in gpus().values():
            say(f"{kind.name:<16}{words.gib(kind.memory):>10}  {kind.title}")
        return 0
    for one in models().values():
        if (
            (options["family"] or one.family).lower() == one.family.lower()
            and (options["task"] or one.task) == one.task
            and not (options["eu"] and one.eu)
        ):
            forms = ", ".join(each.precision.name for each in one.weights)
            eu = " (restricted in the EU)" if one.eu else ""
            say(
                f"{one.name:<36}{words.billions(one.shape.parameters()):>14}  "
                f"{one.licence.id}{eu}  {forms}"
            )
    return 0


def _show(options: dict[str, Any], say: Callable[[str], None]) -> int:
    one = model(options["name"])
    lines = [
        f"{one.title}, by {one.publisher}",
        f"Published as {one.repository}; architecture {one.architecture}; for {one.task}",
        f"Licence {one.licence.id}: {words.licence(one)} Its text: {one.licence.source}",
        f"Parameters: {words.parameters(one.shape)}",
        f"Context: {one.context:,} tokens; {one.shape.layers} layers",
        f"Attention: {words.attention(one.shape)}",
        f"Cache: {words.kept(one.shape)} with 16 bits",
        *([one.note] if one.note else []),
        *([words.REMOTE_CODE] if one.remote_code else []),
        "Weights:",
        *(_weights(one, each) for each in one.weights),
        *words.checked(one),
    ]
    for line in lines:
        say(line)
    return 0


def _weights(one: Published, weights: Weights) -> str:
    size = words.gigabytes(weights.precision.weights(one.shape_of(weights)))
    said = f"  {weights.precision.name:<12} about {size}, {weights.engine}, "
    said += weights.repository
    arguments = words.written(one.arguments(weights))
    return (
        said
        + (f"; {arguments}" if arguments else "")
        + (f". {weights.note}" if weights.note else "")
    )


def _fit(options: dict[str, Any], say: Callable[[str], None]) -> int:
    one = model(options["name"])
    named = options["precision"]
    context = min(options["context"] or CONTEXT, one.context)
    if options["context"] and context < options["context"]:
        say(f"{one.title} was made for {one.context:,} tokens at most; that is reckoned with.")
    fits = False
    for weights in [one.form(named)] if named else one.weights:
        say(f"{weights.precision.title}: {weights.repository}")
        if weights.precision.for_gpu:
            kinds = [gpu(name) for name in options["gpu"] or gpus()]
            results = list(_reckoned(one, weights, kinds, context, options))
            fits |= any(not found.problem for found in results)
            say(HEADING)
            for found in results:
                say(_row(found, one.shape))
            running = [found for found in results if not found.problem]
            if running:
                say(_arguments(one, weights, min(running, key=_cost)))
        elif not options["gpu"]:
            fits = True
            say(_memory(one, weights, context, max(SLOTS, options["concurrent"])))
    return 0 if fits else DOES_NOT_FIT


def _reckoned(
    one: Published,
    weights: Weights,
    kinds: Iterable[Gpu],
    context: int,
    options: dict[str, Any],
) -> Iterable[Fit]:
    shape, precision = one.shape_of(weights), weights.precision
    setups = [
        Setup(gpu=kind, count=1, context=context, cache_bytes=int(options["cache"]) // 8)
        for kind in kinds
    ]
    yield from smallest(
        shape,
        precision,
        setups,
        options["concurrent"],
        (options["gpus"],) if options["gpus"] else COUNTS,
    )


def _cost(found: Fit) -> int:
    """Memory of all its GPUs together, as a measure of what a machine costs."""
    return found.setup.count * found.setup.gpu.memory


def _row(found: Fit, shape: Shape) -> str:
    machines = f"  {words.machines(found):<40}"
    if found.problem or shape.encoder:
        return machines + words.outcome(found, shape)
    sizes = [words.gib(size) for size in (found.weights, found.needs, found.cache)]
    numbers = [f"{found.tokens:,}", f"{found.requests:,.1f}"]
    return machines + "".join(f"{one:>12}" for one in [*sizes, *numbers])


def _arguments(one: Published, weights: Weights, found: Fit) -> str:
    arguments = words.written(words.started_with(one, weights, found))
    return f"  To import for {words.machines(found)}: {arguments}"


def _memory(one: Published, weights: Weights, context: int, slots: int) -> str:
    needed = host(one.shape, weights.precision, context, slots)
    return (
        f"  Main memory, without a GPU: about {words.gib(needed)} for {slots} requests of "
        f"{context:,} tokens at the same time."
    )
