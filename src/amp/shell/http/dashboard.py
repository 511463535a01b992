"""The dashboard's files: a page at ``/``, and what belongs to it at ``/static/``."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import attrs

from amp.core.http.message import Request, Response, problem
from amp.core.http.page_files import PageFile
from amp.shell.http.site import Site
from amp.shell.http.visitor import Visitor

__all__ = ["Dashboard"]

PAGE: Final = "index.html"
STATIC: Final = "/static/{name:path}"


def _read(folder: Traversable, prefix: str = "") -> dict[str, PageFile]:
    found: dict[str, PageFile] = {}
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            found.update(_read(entry, f"{name}/"))
        else:
            found[name] = PageFile(name, entry.read_bytes())
    return found


@attrs.frozen
class Dashboard:
    """The handlers. Its files are read once: what is not among them by its whole name is not there."""

    _files: dict[str, PageFile] = attrs.field(factory=lambda: _read(files("amp") / "web"))

    def add_to(self, site: Site) -> None:
        """Offer what belongs to the page."""
        site.routes.add("GET", STATIC, self.file)

    async def page(self, request: Request, visitor: Visitor) -> Response:
        """The page itself."""
        del visitor
        return self._files[PAGE].answer(request)

    async def file(self, request: Request, visitor: Visitor) -> Response:
        """Something of the page."""
        del visitor
        found = self._files.get(request.arguments["name"])
        if found is None or found.name == PAGE:
            return problem(404, "there is no such file")
        return found.answer(request)
