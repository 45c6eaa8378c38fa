"""A page's form as a browser would send it: what is typed, ticked and chosen."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class _Reader(HTMLParser):
    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.fields: dict[str, list[str]] = {}
        self.inside = False
        self.select = self.area = ""
        self.first: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name = said.get("name") or ""
        if tag == "form":
            self.inside = self.wanted in (said.get("action") or "") and "logout" not in str(
                said
            )
        elif not self.inside:
            return
        elif tag == "input":
            ticked = said.get("type") in ("checkbox", "radio")
            if name and said.get("type") != "file" and ("checked" in said or not ticked):
                value = said.get("value", "on" if ticked else "") or ""
                self.fields.setdefault(name, []).append(value)
        elif tag == "select":
            self.select, self.first = name, None
        elif tag == "option" and self.select:
            if self.first is None:
                self.first = said.get("value") or ""
            if "selected" in said:
                self.fields[self.select] = [said.get("value") or ""]
        elif tag == "textarea":
            self.area = name
            self.fields[name] = [""]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select" and self.select:
            self.fields.setdefault(self.select, [self.first or ""])
            self.select = ""
        elif tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.fields[self.area][0] += data


def typed(answer: Any, action: str = "") -> dict[str, list[str]]:
    """The fields of the forms on a page whose address holds `action`, by name."""
    reader = _Reader(action)
    reader.feed(answer.content.decode())
    fields = {
        name: [value.removeprefix("\n") for value in values]
        for name, values in reader.fields.items()
    }
    fields.pop("csrfmiddlewaretoken", None)
    return fields
