"""TLS contexts that follow their files while amp runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["ReloadableContext"]


class ReloadableContext:
    """A TLS context made from files, and made again when they have changed.

    New connections use the newest; those that stand keep what they began with.

    Args:
        build: reads the files and makes a context; see `amp.config.certificates`.
        about: where the files are named, for error texts: ``listen[0]``, ``server pbx1``.

    Raises:
        ValueError: the files cannot be used; with what and why.
    """

    def __init__(self, build: Callable[[], ssl.SSLContext], about: str) -> None:
        self._build = build
        self._about = about
        self.current = self._built()

    def prepare(self) -> Callable[[], None]:
        """Read the files as they are now, and change nothing yet.

        Returns:
            What puts the new context in place; it does not fail.

        Raises:
            ValueError: they cannot be used; with what and why.
        """
        new = self._built()

        def put_in_place() -> None:
            self.current = new

        return put_in_place

    def reload(self) -> None:
        """`prepare`, and put it in place at once. Bad files change nothing and raise ValueError."""
        self.prepare()()

    def _built(self) -> ssl.SSLContext:
        try:
            return self._build()
        except ValueError as error:
            raise ValueError(f"{self._about}.{error}") from None
