"""Which process listens on a port: from ``/proc``, as far as this user may look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["port_holder"]

LISTENING: Final = "0A"
"""The state in ``/proc/net/tcp``."""
MOST_CHARACTERS: Final = 60
"""Of each word; of a longer one its end is kept, since a path tells there what it is."""


def port_holder(port: int) -> str:
    """The process that listens on a TCP port of any address: ``pid 123: python -m amp run``.

    Returns:
        ``""`` if none does, or it is another user's.
    """
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    if wanted:
        for folder in Path("/proc").glob("[0-9]*"):
            if wanted & set(_descriptors(folder)):
                return f"pid {folder.name}: {_program(folder)}"
    return ""


def _inodes(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", name).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _descriptors(folder: Path) -> Iterator[str]:
    with suppress(OSError):
        for link in (folder / "fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink())


def _program(folder: Path) -> str:
    """The beginning of its command line: the program and what it does; a secret may stand further behind."""
    with suppress(OSError):
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        count = 4 if Path(words[0]).name.startswith("python") else 1  # python -m amp run; python /bin/amp run
        return " ".join(word[-MOST_CHARACTERS:] for word in words[:count] if word)
    return "?"
