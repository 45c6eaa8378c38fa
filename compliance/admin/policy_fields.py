"""Fields of the rule form: names to tick or type, countries by name, lengths of time."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

ANY = ""
ANSWERS = {"true": True, "false": False}
UNITS = (("60", "minutes"), ("3600", "hours"), ("86400", "days"))
SECOND = ("1", "seconds")


class Boxes(forms.CheckboxSelectMultiple):
    """Boxes to tick, and below them a place to type what is not among them."""

    template_name = "admin/policy_boxes.html"

    def __init__(self, typed: bool) -> None:
        super().__init__()
        self.typed = typed

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """With what was typed, or what is chosen and has no box."""
        boxes = {str(one) for one, _words in _flat(self.choices)}
        chosen = [str(one) for one in value or () if one is not None]
        context = super().get_context(name, [one for one in chosen if one in boxes], attrs)
        said: dict[str, Any] = context["widget"]
        said["typed"] = self.typed
        said["more"] = "\n".join(one for one in chosen if one not in boxes)
        groups = said["optgroups"]
        said["alone"] = [
            option for title, options, _ in groups if not title for option in options
        ]
        said["groups"] = [
            (title, options, any(option["selected"] for option in options))
            for title, options, _ in groups
            if title
        ]
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """What is ticked, then what is typed, one a line."""
        ticked = super().value_from_datadict(data, files, name) or []
        more = data.get(f"{name}_more", "") if self.typed else ""
        return list(
            dict.fromkeys([*ticked, *(s for line in more.split("\n") if (s := line.strip()))])
        )

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: nothing ticked means nothing chosen."""
        return False


def _flat(choices: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for name, words in choices:
        if isinstance(words, list):
            yield from words
        else:
            yield name, words


def _grouped(pairs: Sequence[tuple[str, str]], group: Callable[[str], str]) -> list[Any]:
    """As choices of Django: those of no group first, then the groups by their headings."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for pair in pairs:
        groups.setdefault(group(pair[0]), []).append(pair)
    alone: list[Any] = list(groups.pop("", []))
    return alone + sorted(groups.items())


class NamesField(forms.Field):
    """Names, as a list; those that this appliance knows have boxes.

    `known` are pairs of a name and its words. With `typed`, others may be typed too. `group`
    tells under which heading a name stands, empty for none.
    """

    def __init__(
        self,
        known: Iterable[tuple[str, str]],
        *,
        typed: bool = True,
        group: Callable[[str], str] = lambda _name: "",
        **named: Any,
    ) -> None:
        super().__init__(required=False, widget=Boxes(typed), **named)
        self.typed = typed
        self.boxes = list(known)
        self.widget.choices = _grouped(self.boxes, group)

    def to_python(self, value: Any) -> list[str]:
        """The names; raises `ValidationError` for one that has no box and cannot be typed."""
        chosen = list(value or ())
        known = {name for name, _words in self.boxes}
        if not self.typed and (strange := [one for one in chosen if one not in known]):
            raise ValidationError(f"“{strange[0]}” is not among the choices.")
        return chosen

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compared without regard to their order."""
        return set(initial or ()) != set(data or ())


class CountriesField(forms.Field):
    """Countries by English name or ISO 3166-1 code, with commas between; a list of codes."""

    def __init__(self, names: Mapping[str, str], **named: Any) -> None:
        super().__init__(required=False, widget=forms.TextInput({"maxlength": 4_096}), **named)
        self.names = names

    def prepare_value(self, value: Any) -> Any:
        """Codes as names."""
        if isinstance(value, list | tuple):
            return ", ".join(self.names.get(code, code) for code in value)
        return value

    def to_python(self, value: Any) -> list[str]:
        """The codes, in the order typed; raises `ValidationError` with the nearest name."""
        if isinstance(value, list | tuple):
            return list(value)
        by_name = {_folded(name): code for code, name in self.names.items()}
        return list(dict.fromkeys(self._code(word, by_name) for word in _words(value, by_name)))

    def _code(self, word: str, by_name: Mapping[str, str]) -> str:
        if word.upper() in self.names:
            return word.upper()
        if _folded(word) in by_name:
            return by_name[_folded(word)]
        near = difflib.get_close_matches(_folded(word), by_name, 1, 0.75)
        hint = f" Did you mean {self.names[by_name[near[0]]]}?" if near else ""
        raise ValidationError(
            f"“{word}” is no country that is known by its English name or its two-letter "
            f"code (ISO 3166-1).{hint}"
        )

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compared as codes."""
        try:
            return bool(self.to_python(data) != list(initial or ()))
        except ValidationError:
            return True


def _folded(name: str) -> str:
    """A name as it is compared: sentences say "the Netherlands", people often do not."""
    return name.casefold().removeprefix("the ")


def _words(value: Any, by_name: Mapping[str, str]) -> list[str]:
    """What stands between commas; a name that has a comma itself is one."""
    parts = [part.strip() for part in str(value or "").replace("\n", ",").split(",")]
    words: list[str] = []
    for part in filter(None, parts):
        joined = f"{words[-1]}, {part}" if words else ""
        if _folded(joined) in by_name:
            words[-1] = joined
        else:
            words.append(part)
    return words


class YesNoField(forms.ChoiceField):
    """True, False, or None where it does not matter; `words` are those of yes and no."""

    def __init__(self, words: Sequence[str], **named: Any) -> None:
        yes, no = words
        choices = ((ANY, "does not matter"), ("true", yes), ("false", no))
        super().__init__(required=False, choices=choices, **named)

    def prepare_value(self, value: Any) -> Any:
        """As the choices call it."""
        return {True: "true", False: "false", None: ANY}.get(value, value)

    def clean(self, value: Any) -> bool | None:
        """What is chosen."""
        return ANSWERS.get(super().clean(value))


class Length(forms.MultiWidget):
    """A number and its unit."""

    template_name = "admin/policy_length.html"

    def __init__(self) -> None:
        number = forms.NumberInput({"min": 1, "step": 1, "aria-label": "How long"})
        unit = forms.Select({"aria-label": "Unit"}, choices=(*UNITS, SECOND))
        super().__init__([number, unit])

    def decompress(self, value: Any) -> list[Any]:
        """Seconds in the largest unit that divides them."""
        if not isinstance(value, int) or isinstance(value, bool):
            return [None, UNITS[1][0]]
        sizes = [int(code) for code, _words in (*reversed(UNITS), SECOND)]
        unit = next(size for size in sizes if value % size == 0)
        return [value // unit, str(unit)]


class LengthField(forms.MultiValueField):
    """A length of time, in whole seconds."""

    widget = Length

    def __init__(self, **named: Any) -> None:
        fields = (
            forms.IntegerField(required=False, min_value=1, max_value=10**9),
            forms.ChoiceField(choices=(*UNITS, SECOND)),
        )
        super().__init__(fields, required=False, require_all_fields=False, **named)

    def compress(self, data_list: Any) -> int | None:
        """The seconds; None where no number was typed."""
        if not data_list or data_list[0] in (None, ""):
            return None
        return int(data_list[0]) * int(data_list[1])
