"""The templates: ours beside Flower's, two of which gain a piece."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tornado.template import Loader, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS: Final = Path(__file__).parent / "templates"
GAINS: Final[Mapping[str, tuple[str, str]]] = {
    "navbar.html": ('<ul class="app-nav navbar-nav">', "navbar-items.html"),
    "task.html": ('<div class="detail-actions">', "task-rerun.html"),
}
"""Flower's template, the text in it behind which a piece of ours goes, and that piece."""


class Templates(Loader):
    """Finds a template among ours, else among Flower's."""

    def __init__(self, flowers: str) -> None:
        super().__init__(flowers)
        self._flowers = Path(flowers)

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """Every template goes by its plain name."""
        del parent_path
        return name

    def _create_template(self, name: str) -> Template:
        ours = OURS / name
        text = (ours if ours.is_file() else self._flowers / name).read_text(encoding="utf-8")
        if name in GAINS:
            text = with_piece(text, *GAINS[name])
        return Template(text, name=name, loader=self)


def with_piece(text: str, behind: str, piece: str) -> str:
    """A template of Flower's with a piece of ours. Raises LookupError where another Flower has other templates."""
    if text.count(behind) != 1:
        raise LookupError(f"Flower's template does not hold {behind!r} once: another version than the one pinned?")
    return text.replace(behind, behind + (OURS / piece).read_text(encoding="utf-8"))


def told(value: Any) -> str:
    """A value for a cell: nothing is a dash."""
    return str(value) if value not in (None, "") else "\N{EN DASH}"
