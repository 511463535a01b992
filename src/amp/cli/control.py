"""The other end of the control socket: how commands find it, and how they ask.

Plain blocking sockets and the standard library's JSON: ``amp show`` shall be there at once.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import attrs
from cyclopts import Group, Parameter

from amp.cli.reading import DEFAULT_CONFIG, config_path
from amp.config.control import AUTO, OFF, candidates, folder_problem
from amp.core.printable import printable
from amp.errors import ConsoleError

__all__ = ["Control", "Where", "do", "understood"]

PATIENCE_S: Final = 30.0
"""The longest that amp may be silent; a reload reads files, and a client that is killed has some seconds."""

MOST_REPLY_BYTES: Final = 256 << 20
READ_BYTES: Final = 1 << 16

UNEXPECTED: Final = (KeyError, TypeError, AttributeError, ValueError)
"""What becomes of a reply whose fields are others than those of this version."""

NOT_THERE: Final = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


@Parameter(name="*", group=Group("Which amp"))
@attrs.frozen(kw_only=True)
class Where:
    """Which running amp is asked.

    Attributes:
        control: The path of its control socket; else AMP_CONTROL says it.
        config: The configuration it runs with, whose [proxy] control is the path; else AMP_CONFIG names it,
            or it is /etc/amp/amp.toml. Where that says nothing: the usual places.
    """

    control: Path | None = None
    config: Path | None = None

    def places(self) -> Iterator[Path]:
        """Where it may be: one place if somebody said it, else the usual ones.

        Raises:
            ConsoleError: the configuration cannot be read, or says that there is none.
        """
        named = self._named()
        if named is None:
            yield from candidates(os.environ)
        elif str(named) == OFF:
            raise ConsoleError('there is no control socket: AMP_CONTROL says "off"')
        else:
            yield named

    def _named(self) -> Path | None:
        if self.control is not None:
            return self.control
        if self.config is None and (said := os.environ.get("AMP_CONTROL") or AUTO) != AUTO:
            return Path(said)
        path = config_path(self.config)
        return None if path is None else _control_of(path, needed=path != DEFAULT_CONFIG)


def _control_of(path: Path, *, needed: bool) -> Path | None:
    """What a configuration says, as far as that can be told without its secrets, which are not for everybody.

    Args:
        needed: somebody named it, so that it must be readable.
    """
    import tomllib

    try:
        found = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        if not needed:
            return None
        raise ConsoleError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    proxy = found.get("proxy")
    said = proxy.get("control", AUTO) if isinstance(proxy, dict) else AUTO
    if not isinstance(said, str) or said == AUTO:
        return None
    if said == OFF:
        raise ConsoleError(f'there is no control socket: {path} says control = "off"')
    return path.parent / said


class Control:
    """A connection to a running amp.

    Raises:
        ConsoleError: there is none, or it is not for this user.
    """

    def __init__(self, where: Where) -> None:
        self._sock, self.path = _connect(where)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._sock.close()

    def abandon(self) -> None:
        """Have whoever waits in `ask`, in another thread, wait no longer: it gets a `ConsoleError`."""
        with suppress(OSError):  # it has ended already
            self._sock.shutdown(socket.SHUT_RDWR)

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Ask it something.

        Raises:
            ConsoleError: it says no, or does not answer.
        """
        request = json.dumps({"command": command, **arguments}).encode() + b"\n"
        try:
            self._sock.sendall(request)
            line = self._line()
        except TimeoutError:
            raise ConsoleError(f"amp has not answered within {PATIENCE_S:g} s") from None
        except OSError as error:
            raise ConsoleError(f"the connection to amp broke: {error.strerror or error}") from None
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise ConsoleError(f"{self.path} did not answer as amp does: is it its control socket?")
        if not reply.get("ok"):
            told = reply.get("error", {})
            raise ConsoleError(str(told.get("message", "amp said no")), list(told.get("problems", ())))
        return reply

    def _line(self) -> bytes:
        pieces, size = [self._rest], len(self._rest)
        while b"\n" not in pieces[-1]:
            data = self._sock.recv(READ_BYTES)
            if not data:
                raise ConsoleError("amp closed the connection")
            pieces.append(data)
            size += len(data)
            if size > MOST_REPLY_BYTES:
                raise ConsoleError(f"amp's reply is larger than {MOST_REPLY_BYTES >> 20} MB")
        line, _, self._rest = b"".join(pieces).partition(b"\n")
        return line


def _connect(where: Where) -> tuple[socket.socket, Path]:
    tried = []
    for path in where.places():
        if problem := folder_problem(path.parent):
            raise ConsoleError(f"{path}: {problem}")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(PATIENCE_S)
        try:
            sock.connect(os.fsencode(path))
        except NOT_THERE as error:
            sock.close()
            tried.append(f"{path}: {error.strerror}")
        except OSError as error:
            sock.close()
            raise ConsoleError(f"{path}: {error.strerror or error}") from None
        else:
            return sock, path
    raise ConsoleError("no amp is running, or its control socket is elsewhere: see --control", tried)


def do(name: str, where: Where | None, work: Callable[[Control], None]) -> int:
    """Run a command over a connection; gives the exit code, and says what was wrong.

    Args:
        name: of the command.
    """
    try:
        with Control(where or Where()) as control, understood(control):
            work(control)
    except ConsoleError as error:
        told = [str(error), *(f"  {problem}" for problem in error.problems)]
        sys.stderr.write("".join(f"amp {name}: {printable(line)}\n" for line in told))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


@contextmanager
def understood(control: Control) -> Iterator[None]:
    """Within the block a reply with other fields than those of this version is a `ConsoleError`.

    Raises:
        ConsoleError: there was one.
    """
    try:
        yield
    except UNEXPECTED as error:
        told = f"{control.path} did not answer as an amp of this version does ({type(error).__name__})"
        raise ConsoleError(told) from error
