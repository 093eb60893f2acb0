"""Reads a page as a person does: its words, and its forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

UNSEEN = frozenset({"script", "style", "title", "svg"})


@dataclass
class Form:
    """A form, with what its fields hold."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    words: str = ""
    """What stands in it, its buttons' words included."""


def text_of(html: str) -> str:
    """The words of a page, with single spaces."""
    reader = _Reader()
    reader.feed(html)
    return _plain(reader.words)


def forms_of(html: str) -> list[Form]:
    """The forms of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


class _Reader(HTMLParser):
    """Gathers the words and the forms."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words = ""
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        has = {name: value or "" for name, value in attrs}
        self.words += " "
        self._unseen += tag in UNSEEN
        if tag == "form":
            self._form = Form(has.get("action", ""), has.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form:
            self._fill(self._form, tag, has)

    def handle_endtag(self, tag: str) -> None:
        """End one."""
        self.words += " "
        self._unseen -= tag in UNSEEN
        if tag == "form" and self._form:
            self._form.words = _plain(self._form.words)
            self._form = None

    def handle_data(self, data: str) -> None:
        """Read what stands in it."""
        if self._unseen:
            return
        self.words += data
        if self._form:
            self._form.words += f" {data}"

    def _fill(self, form: Form, tag: str, has: dict[str, str]) -> None:
        name = has.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in has:
            form.fields[self._select] = has.get("value", "")
        elif tag == "textarea" and name:
            form.fields[name] = ""
        elif tag == "input" and name and (has.get("type") not in {"checkbox", "radio", "file"} or "checked" in has):
            form.fields[name] = has.get("value", "")


def _plain(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip()
