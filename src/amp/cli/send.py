"""``amp send``: one command for one sniffer, or for all, and its reply on standard output.

It knows the flags of the tool that comes with VoIPmonitor's GUI (``-s``, ``-c``, ``-h``, ``-p``, ``-a``), so
its help is ``--help`` only. Nothing is added to a reply, so files can be piped.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from amp.cli.ending import end_by
from amp.cli.reading import NO_CONFIG, config_path
from amp.cli.send_wishes import Whom

if TYPE_CHECKING:
    from amp.cli.send_exchange import Target

__all__ = ["send"]


def send(
    *,
    command: Annotated[str | None, Parameter(name=["--command", "-c"])] = None,
    command_file: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    packed: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
    whom: Whom | None = None,
) -> int:
    """Ask one sniffer, or all, and print the reply as it is.

    Exit codes: 0 a reply; 1 no reply, not all of it, or one that is an error; 2 wrong usage, or a command
    that sniffers do not know.

    Parameters
    ----------
    command
        The command with its arguments: -c 'listcalls {"limit":"20"}'.
    command_file
        Read it from this file, or from standard input if that is -: for what is too long for a command line.
    packed
        Give what was asked for as gzip as it came, and not unpacked.
    json
        With --all: one line of JSON for each sniffer, with its whole reply.
    """
    whom = whom or Whom()
    problem = _usage_problem(command, command_file, whom, json=json)
    if problem:
        return _tell(problem, 2)
    try:
        line = _line(command, command_file)
    except OSError as error:
        return _tell(f"{error.filename}: {error.strerror}", 2)
    try:
        return _send(whom, line, packed=packed, json=json)
    except KeyboardInterrupt:
        end_by(signal.SIGINT)
    except BrokenPipeError:
        end_by(signal.SIGPIPE)
    except OSError as error:
        return _tell(f"{error.filename or 'standard output'}: {error.strerror or error}", 1)


def _usage_problem(command: str | None, command_file: str | None, whom: Whom, *, json: bool) -> str:
    if (command is None) == (command_file is None):
        return "expected a command: -c COMMAND, or --command-file FILE"
    if json and not whom.everyone:
        return "--json is for --all"
    return whom.problem()


def _line(command: str | None, command_file: str | None) -> bytes:
    if command is not None:
        return os.fsencode(command)
    if command_file == "-":
        return sys.stdin.buffer.read().rstrip(b"\r\n")
    return Path(command_file or "").read_bytes().rstrip(b"\r\n")


def _send(whom: Whom, line: bytes, *, packed: bool, json: bool) -> int:
    # Late: what is wrong with the options is told without them.
    from amp.core.voipmonitor.command import parse_command
    from amp.core.voipmonitor.commands import Reply
    from amp.errors import ConfigError, LocalProtocolError

    try:
        command = parse_command(line)
        targets = _targets(whom)
    except LocalProtocolError as error:
        return _tell(error.reply_hint, 2)
    except ConfigError as error:
        return _tell(str(error), 2)
    if whom.everyone:
        from amp.cli.send_table import all_replies

        if command.spec.reply is Reply.BINARY or command.spec.plain_reply:
            return _tell(f"{command.name}: its reply is a stream, so it is for one sniffer at a time", 2)
        return all_replies(targets, command, json=json)
    from amp.cli.send_output import one_reply

    problem = one_reply(targets[0], command, unpack=not packed)
    return _tell(problem, 1) if problem else 0


def _targets(whom: Whom) -> list[Target]:
    """Who is asked.

    Raises:
        ConfigError: that cannot be told; says why.
    """
    from amp.cli.send_targets import choose_targets
    from amp.errors import ConfigError

    path = config_path(whom.config) if whom.named or whom.aes or whom.config is not None else None
    if path is not None:
        from amp.config.load import load

        return choose_targets(whom, load(path))
    if whom.named:
        raise ConfigError("--config", [f"{NO_CONFIG}, to find the sniffer in"])
    return choose_targets(whom, None)


def _tell(problem: str, code: int) -> int:
    for line in problem.splitlines():
        sys.stderr.write(f"amp send: {line}\n")
    return code
