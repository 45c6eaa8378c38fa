"""`manage.py models import`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from inference import catalogue, importing
from inference.admission import public_keys
from inference.importing import House
from inference.management.registry import house
from inference.management.registry.progress import Shown
from inference.models import Model
from inference.registry import bundle, options
from inference.registry.drafting import AND, Wanted
from inference.registry.refused import ImportRefused

_OF_A_FOLDER = (
    *("name", "catalogue", "licence", "licence_file", "origin", "adapter_of", "task"),
    *("context_length", "derived_from", "method", "note", "option"),
)
HELP = "make a model of a folder, or of a bundle that was made elsewhere"


def add_arguments(parser: ArgumentParser) -> None:
    """What is said of it."""
    parser.add_argument("source", type=Path, help="A folder with its files, or a bundle.")
    parser.add_argument("--name", default="", help="What applications will call it.")
    parser.add_argument(
        "--catalogue",
        default="",
        metavar="ENTRY",
        help="Take from the catalogue what is not said here: licence, origin, arguments, "
        "task, what is restricted in the EU.",
    )
    parser.add_argument(
        "--licence", default="", help="SPDX identifier, or LicenseRef- and a name."
    )
    parser.add_argument(
        "--licence-file", type=Path, help="Its text, where the folder holds none or several."
    )
    parser.add_argument(
        "--origin", default="", help="Publisher and repository, as in org/name."
    )
    parser.add_argument(
        "--adapter-of", default="", metavar="BASE", help="It is a LoRA adapter of this model."
    )
    parser.add_argument("--task", default="", choices=["", *Model.Task.values])
    parser.add_argument("--context-length", type=int, default=0, help="Tokens.")
    parser.add_argument(
        "--derived-from",
        action="append",
        default=[],
        metavar="BASE",
        help="What it was made from; several times for what was merged.",
    )
    parser.add_argument(
        "--method", default="none", choices=[*Model.Method.values], help="How it was made."
    )
    parser.add_argument("--note", default="", help="On what data, and by whom.")
    parser.add_argument(
        "--eu-restriction", default="", help="What its licence restricts in the EU."
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"Engine argument, any number of times: {', '.join(sorted(options.KEYS))}.",
    )
    parser.add_argument(
        "--trust",
        type=Path,
        metavar="KEYFILE",
        help="Of a bundle: public key of the other gateway that signed it (its gateway.pub).",
    )
    parser.add_argument("--progress", action="store_true", help="Say how far it is.")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Import it, and say what it is now."""
    here = house.house(Shown(out) if options["progress"] else lambda *_: None)
    source: Path = options["source"]
    if bundle.is_bundle(source):
        _nothing_else(options)
        trusted = public_keys(options["trust"]) if options["trust"] else []
        eu = options["eu_restriction"]
        take = partial(importing.take_bundle, source, here, trusted, eu)
        row = _recorded(source.name, here, take)
    elif source.is_dir():
        wanted = _wanted(options)
        take = partial(importing.take_folder, source, wanted, here)
        row = _recorded(wanted.name, here, take)
    else:
        raise CommandError(f"{source} is neither a folder nor a bundle.")
    out.write(f"{row.name} is registered: {row.digest}")
    out.write("It serves once an officer has accepted its licence in the console, and a node "
              f"is to serve it (manage.py models deploy {row.name}).")  # fmt: skip


def _nothing_else(given: Mapping[str, Any]) -> None:
    """Raise `CommandError` where something is said of a bundle that was signed otherwise."""
    said = [name for name in _OF_A_FOLDER if given[name] not in ("", "none", 0, None, [])]
    if said:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in said)
        raise CommandError(
            f"A bundle is what was signed where it was made: {words} cannot change it. Only "
            "--eu-restriction, --trust and --progress go with it."
        )


def _recorded(name: str, here: House, take: Any) -> Model:
    """What `take` registered; what is refused goes on the record, and is told."""
    try:
        row: Model = take()
    except ImportRefused as error:
        importing.refuse(name, error, here.actor)
        raise CommandError(str(error)) from error
    return row


def _known(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the catalogue's entry says of the model, and its engine arguments.

    `--origin` tells which of the entry's repositories it is; without it the publisher's own.
    """
    if not given["catalogue"]:
        return {}, {}
    try:
        entry = catalogue.model(given["catalogue"])
    except catalogue.Unknown as error:
        raise CommandError(str(error)) from error
    origin = given["origin"] or entry.repository
    form = next((one for one in entry.weights if one.repository == origin), None)
    if form is None:
        there = ", ".join(sorted({one.repository for one in entry.weights}))
        raise CommandError(f"{origin} is no repository of {entry.name}; there are {there}.")
    said: dict[str, Any] = {
        "licence": entry.licence.id,
        "origin": origin,
        "task": entry.task,
        "eu_restriction": entry.eu,
    }
    if origin != entry.repository:
        said |= {"derived_from": [entry.repository], "method": "quantised"}
    return said, dict(entry.arguments(form))


def _wanted(options_given: Mapping[str, Any]) -> Wanted:
    known, arguments = _known(options_given)
    said = {
        name: value for name, value in options_given.items() if value not in ("", "none", [])
    }
    given = {**options_given, **known, **said}
    missing = [name for name in ("name", "licence", "origin") if not given[name]]
    if missing:
        raise CommandError(f"Of a folder must be said: --{', --'.join(missing)}.")
    try:
        chosen = arguments | dict(options.parsed(one) for one in given["option"])
    except options.OptionRefused as error:
        raise CommandError(str(error)) from error
    return Wanted(
        name=given["name"],
        licence=given["licence"],
        origin=given["origin"],
        licence_file=given["licence_file"],
        task=given["task"],
        context_length=given["context_length"],
        adapter=bool(given["adapter_of"]),
        base=given["adapter_of"] or AND.join(given["derived_from"]),
        method=given["method"],
        note=given["note"],
        eu_restriction=given["eu_restriction"],
        options=chosen,
    )
