"""``amp tail``: events as they come, over a WebSocket; whatever happens, it says what it missed.

It prints on standard output, and tells of gaps, of trouble and of nothing else on standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs
from cyclopts import Group, Parameter
from cyclopts.validators import Number

from amp.cli.ending import end_by

if TYPE_CHECKING:
    from amp.cli.tail_follow import Asked
    from amp.cli.tail_place import Account, TailPlace
    from amp.core.tail.standing import Place

__all__ = ["tail"]

EVENTS: Final = Group("Events")
CONNECTION: Final = Group("Connection")


@Parameter(name="*", group=EVENTS)
@attrs.frozen(kw_only=True)
class What:
    """Which events.

    Attributes:
        servers: Only of these servers: names or globs, with commas between or the option repeated.
        events: Only these events: names or globs, in any case.
        where: Only events with a header like this: Channel='PJSIP/*'. Repeated for a header: one must fit;
            for several headers: all must.
        since: First what came since this position: a file that --save-position has written, or the position
            itself as JSON.
        count: End after so many events.
    """

    servers: Annotated[list[str], Parameter(negative=())] = attrs.field(factory=list)
    events: Annotated[list[str], Parameter(negative=())] = attrs.field(factory=list)
    where: Annotated[list[str], Parameter(negative=())] = attrs.field(factory=list)
    since: str | None = None
    count: Annotated[int | None, Parameter(validator=Number(gte=1))] = None

    def selection(self) -> dict[str, object]:
        """The fields of a ``subscribe``.

        Raises:
            ValueError: a condition is none.
        """
        conditions: dict[str, list[str]] = {}
        for text in self.where:
            name, equals, glob = text.partition("=")
            if not name or not equals:
                raise ValueError(f"--where {text}: expected HEADER=GLOB")
            conditions.setdefault(name.lower(), []).append(glob)
        found = {"servers": _split(self.servers), "events": _split(self.events), "where": conditions}
        return {name: value for name, value in found.items() if value}


@Parameter(name="*", group=CONNECTION)
@attrs.frozen(kw_only=True)
class Way:
    """How to get there.

    Attributes:
        user: The name to sign in with; else AMP_TAIL_USER, else the only user of the configuration.
        secret_file: A file that holds the secret; else it is AMP_TAIL_SECRET, or stands in the configuration,
            or is asked for on a terminal.
        ca: Certificates (PEM) to trust instead of the system's, for wss://.
        insecure: Take any certificate.
        timeout: So many seconds without an answer from amp, and the connection is given up.
        reconnect: Come back when the connection is lost.
    """

    user: str | None = None
    secret_file: Path | None = None
    ca: Path | None = None
    insecure: Annotated[bool, Parameter(negative=())] = False
    timeout: Annotated[float, Parameter(validator=Number(gt=0, lte=3600))] = 10.0
    reconnect: bool = True


def tail(
    where_to: Annotated[str | None, Parameter(show_default=False)] = None,
    /,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
    block: Annotated[bool, Parameter(name=["--block", "-b"], negative=())] = False,
    save_position: Path | None = None,
    what: What | None = None,
    way: Way | None = None,
) -> int:
    """Print events as they come.

    Parameters
    ----------
    where_to
        The address of an amp, ws://HOST:PORT or wss://HOST:PORT, or the configuration file of one that runs
        on this machine; else AMP_CONFIG names that, else it is /etc/amp/amp.toml.
    json
        One JSON object a line, as docs/websocket.md tells: events, and gaps.
    block
        Every header on a line of its own.
    save_position
        Keep in this file where it stands, for --since; with the same file for both it need not exist yet.
    """
    what, way = what or What(), way or Way()
    if json and block:
        return _tell("--json or --block, not both", 2)
    try:
        asked = _asked(what, way, save_position)
        place, account = _place(where_to, way)
        return _follow(place, account, asked, json=json, block=block)
    except ValueError as error:
        return _tell(str(error), 2)
    except KeyboardInterrupt:
        end_by(signal.SIGINT)


def _asked(what: What, way: Way, save_position: Path | None) -> Asked:
    """What is wanted.

    Raises:
        ValueError: that cannot be.
    """
    from amp.cli.tail_follow import Asked

    selection = what.selection()
    return Asked(
        selection=selection,
        places=_places(what.since, save_position),
        count=what.count,
        save=save_position,
        timeout_s=way.timeout,
        reconnect=way.reconnect,
    )


def _places(since: str | None, save_position: Path | None) -> dict[str, Place]:
    from amp.core.tail.standing import read_places

    if since is None:
        return {}
    text: bytes | str = since
    if not since.startswith("{"):
        path = Path(since)
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            if path == save_position:
                return {}
            raise ValueError(f"--since {since}: there is no such file") from None
        except OSError as error:
            raise ValueError(f"--since {since}: cannot read: {error.strerror}") from None
    try:
        return read_places(text)
    except ValueError as error:
        raise ValueError(f"--since {since}: {error}") from None


def _place(where_to: str | None, way: Way) -> tuple[TailPlace, Account | None]:
    from amp.cli.tail_place import choose
    from amp.errors import ConfigError

    try:
        return choose(where_to, way.user, way.secret_file, way.ca, insecure=way.insecure, environ=os.environ)
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _follow(
    place: TailPlace, account: Account | None, asked: Asked, *, json: bool, block: bool
) -> int:  # fmt: skip
    import trio

    from amp.cli.tail_follow import Tail
    from amp.cli.tail_output import TailOutput

    try:
        output = TailOutput.make(json=json, block=block)
    except OSError as error:
        return _tell(f"standard output: {error.strerror}", 1)
    one = Tail(place=place, account=account, asked=asked, output=output)
    end = trio.run(one.run)
    if isinstance(end, signal.Signals):
        end_by(end)
    return _tell(end.words, end.code)


def _split(globs: list[str]) -> list[str]:
    return [glob for text in globs for glob in text.split(",") if glob]


def _tell(problem: str, code: int) -> int:
    for line in problem.splitlines():
        sys.stderr.write(f"amp tail: {line}\n")
    return code
