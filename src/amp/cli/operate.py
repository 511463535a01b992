"""``amp pause|resume|reconnect|kill|reload``: what changes a running amp."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from amp.cli.control import Control, Where, do
from amp.cli.reading import say
from amp.core.printable import printable

__all__ = ["kill", "pause", "reconnect", "reload", "resume"]


def pause(server: str, /, *, where: Where | None = None) -> int:
    """Send a server no action any more, until amp resume.

    Whoever asks something of it is told at once that nothing was sent. Its events go on, and what it was
    asked before is answered. This outlasts lost connections, but not amp itself.

    Parameters
    ----------
    server
        The name of an Asterisk or a sniffer, as amp show servers has it.
    """

    def work(control: Control) -> None:
        pending = control.ask("pause", server=server)["pending"]
        rest = f"; {_count(pending, 'action')} under way will still be answered" if pending else ""
        say(f"{printable(server)} is paused{rest}")

    return do("pause", where, work)


def resume(server: str, /, *, where: Where | None = None) -> int:
    """Send a paused server actions again.

    Parameters
    ----------
    server
        The name of an Asterisk or a sniffer.
    """

    def work(control: Control) -> None:
        control.ask("resume", server=server)
        say(f"{printable(server)} takes actions")

    return do("resume", where, work)


def reconnect(server: str, /, *, where: Where | None = None) -> int:
    """Close the connections to a server and open them anew, at once.

    What it was asked and has not answered ends with an error: the outcome is unknown. A sniffer, to which
    nothing is open, is asked again at once if it had been left alone for not answering.

    Parameters
    ----------
    server
        The name of an Asterisk or a sniffer.
    """

    def work(control: Control) -> None:
        control.ask("reconnect", server=server)
        say(f"{printable(server)} is being connected to anew; amp show servers tells how it is")

    return do("reconnect", where, work)


def kill(client: Annotated[int, Parameter(validator=Number(gte=1))], /, *, where: Where | None = None) -> int:
    """Disconnect a client.

    It is told why, and has two seconds to take that in. It may come back: to keep it out, take its user out
    of the configuration.

    Parameters
    ----------
    client
        Its number, as amp show clients has it.
    """

    def work(control: Control) -> None:
        gone = control.ask("kill", client=client)
        user = f"user {gone['user']}" if gone["user"] else "not signed in"
        say(printable(f"client {client} is gone ({gone['address']}, {user})"))

    return do("kill", where, work)


def reload(*, where: Where | None = None) -> int:
    """Read the configuration again, as at SIGHUP, and say what came of it.

    If anything is wrong with it nothing changes, and the exit code is 1.
    """

    def work(control: Control) -> None:
        told = control.ask("reload")
        say("reloaded")
        if told["restart_needed"]:
            say(printable(f"needs a restart, and goes on as it was: {', '.join(told['restart_needed'])}"))
        say(*(printable(f"warning: {sentence}") for sentence in told["advice"]))

    return do("reload", where, work)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
