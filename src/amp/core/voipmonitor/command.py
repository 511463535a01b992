"""One command as somebody wrote it, held against the table before anything goes out."""

from __future__ import annotations

import difflib
from typing import Final

import attrs
import orjson

from amp.core.voipmonitor.arguments import check
from amp.core.voipmonitor.commands import COMMANDS, CommandSpec, Reply, Zip
from amp.errors import LocalProtocolError

__all__ = ["Command", "parse_command"]

_LINE_ENDS: Final = (b"\r", b"\n", b"\0")
_BLANKS: Final = b" \t"
_PLAIN_OPTIONS: Final = frozenset(
    {b"server_bind", b"server_bind_port", b"server_destination", b"packetbuffer_sender"}
)
"""What ``get_json_config`` tells in clear although the sniffer has a key (FACTS §6)."""

_YES: Final = frozenset({"yes", "true", "1"})


@attrs.frozen
class Command:
    """A command that may go to a sniffer, if its sender has the right.

    Attributes:
        spec: its row of the table.
        arguments: what stands behind the name, without blanks at either end.
    """

    spec: CommandSpec
    arguments: bytes = attrs.field(default=b"", repr=False)

    @property
    def name(self) -> str:
        """The exact name."""
        return self.spec.name

    def line(self, spaces: int = 0) -> bytes:
        """The command's bytes, without line end.

        Args:
            spaces: so many more than needed, where this command does not mind them: behind the name, or at
                the end of what reads its arguments at a fixed distance.
        """
        name, more = self.name.encode(), b" " * spaces
        if not self.arguments:
            return name + more if spaces or not self._blank_behind else name + b" "
        blank = b" " if self._blank_behind else b""
        if self.spec.spaces_last:
            return name + b" " + self.arguments + blank + more
        return name + b" " + more + self.arguments + blank

    @property
    def _blank_behind(self) -> bool:
        # "help" alone lists everything; with a blank and no name behind it it would look for no name at all.
        return self.spec.trailing_blank and (self.name != "help" or bool(self.arguments))

    @property
    def plain_allowed(self) -> bool:
        """Whether a sniffer that has a key answers it in clear."""
        if self.name == "get_json_config":
            return set(self.arguments.split(b",")) <= _PLAIN_OPTIONS
        return self.spec.plain

    @property
    def asks_zip(self) -> bool:
        """Whether its reply will be packed with gzip."""
        match self.spec.zip:
            case Zip.ALWAYS:
                return True
            case Zip.WORD:
                return self.arguments.split()[-1:] == [b"zip"]
            case Zip.MEMBER if self.arguments.startswith(b"{"):
                wish = orjson.loads(self.arguments).get("zip")
                return str(wish).lower() in _YES
            case _:
                return False

    @property
    def reply(self) -> Reply:
        """What its reply looks like, when unpacked."""
        if self.name == "sniffer_stat" and b"plain" in self.arguments:
            return Reply.TEXT
        return self.spec.reply


def parse_command(line: bytes) -> Command:
    """Make a command of a line that somebody wrote.

    Args:
        line: the name and its arguments, with blanks or TABs between them, without line end.

    Raises:
        LocalProtocolError: not an exact name of the table, a byte that a request cannot hold, or arguments
            that the command does not take. Its text may be shown to whoever sent the line.
    """
    if any(end in line for end in _LINE_ENDS):
        raise LocalProtocolError("a command cannot hold CR, LF or NUL")
    words = line.split(None, 1)
    name = words[0].decode("latin-1") if words and line.startswith(words[0]) else ""
    spec = COMMANDS.get(name)
    if spec is None:
        raise LocalProtocolError(_unknown(name))
    arguments = words[1].strip(_BLANKS) if len(words) > 1 else b""
    check(name, spec.arguments, arguments)
    return Command(spec, arguments)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name[:40], COMMANDS, n=1, cutoff=0.75)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown sniffer command {name[:40]!r}{hint}"
