"""The command line: one file for each command, imported only when it is used.

Exit codes of every command: 0 done, or stopped on request; 1 failed while running; 2 wrong usage or
a configuration that cannot be used.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from amp import __version__
from amp.cli.examples import EXAMPLES
from amp.shell.hangup import hold

if TYPE_CHECKING:
    from cyclopts import App

__all__ = ["build", "main"]

EXIT_USAGE: Final = 2

COMMANDS: Final = {
    "run": ("amp.cli.run:run", "Run the proxy."),
    "cert": ("amp.cli.cert:cert", "Make a self-signed certificate for a TLS listener."),
    "check": ("amp.cli.check:check", "Check a configuration and say what it would start."),
    "doctor": ("amp.cli.doctor:doctor", "Try everything that a configuration names, and say what to do."),
    "import": ("amp.cli.import_:import_", "Print astmanproxy's or Asterisk's configuration as amp's."),
    "send": ("amp.cli.send:send", "Send a command to VoIPmonitor sniffers and print their reply."),
    "tail": ("amp.cli.tail:tail", "Print events as they come, from wherever an amp is."),
    "show": ("amp.cli.show:show", "Show how a running amp is: servers, clients, sessions, stats."),
    "top": ("amp.cli.top:top", "Show a running amp on a live screen."),
    "pause": ("amp.cli.operate:pause", "Send a server no action any more."),
    "resume": ("amp.cli.operate:resume", "Send a paused server actions again."),
    "reconnect": ("amp.cli.operate:reconnect", "Connect to a server anew, at once."),
    "kill": ("amp.cli.operate:kill", "Disconnect a client."),
    "reload": ("amp.cli.operate:reload", "Read the configuration again, and say what came of it."),
    "completion": ("amp.cli.completion:completion", "Print what completes amp's commands in a shell."),
    "sim": ("amp.cli.sim:sim", "Run one simulated Asterisk or sniffer, to try things against."),
}
"""Name: import path and one line of help. No functions: ``amp --version`` must not wait for trio."""

GROUPS: Final = {
    "key": (
        "Show the sniffers' AES key, make one, or copy it to another GUI's database.",
        {
            "show": ("amp.cli.key:show", "Print the key, from wherever amp finds it."),
            "generate": ("amp.cli.key:generate", "Make a new key; print it, and perhaps store it."),
            "copy": ("amp.cli.key:copy", "Give another GUI's database the same key."),
        },
    ),
}
"""Commands of several words, in the same way."""

HELP_FLAGS: Final = {"send": ("--help",)}
"""Where ``-h`` means something else: a host, as with the tool of VoIPmonitor's GUI."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; those of the process if not given.

    Returns:
        The exit code.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"]:
        sys.stdout.write(f"amp {__version__}\n")  # a sixteenth of the time
        return 0
    if given[:1] == ["run"]:
        hold()  # a reload may be asked for while amp is starting, and must not end it
    from cyclopts import CycloptsError  # takes a while

    try:
        code = build(given)(given, exit_on_error=False, print_error=True)
    except CycloptsError:
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


def build(given: Sequence[str]) -> App:
    """The parser of all commands. None of them is imported yet.

    Args:
        given: the arguments. The help of the command that they name is that of its function, which is then
            imported anyway; the others have their one line.
    """
    from cyclopts import App

    app = App(
        name="amp",
        help="The manager proxy for VoIP fleets.",
        help_epilogue=EXAMPLES["amp"],
        help_format="plaintext",
        version=f"amp {__version__}",
        result_action="return_value",
    )
    for name, (path, summary) in COMMANDS.items():
        _add(app, path, (name,), summary, given)
    for name, (summary, commands) in GROUPS.items():
        group = App(name=name, help=summary, help_epilogue=EXAMPLES[name])
        for word, (path, line) in commands.items():
            _add(group, path, (name, word), line, given)
        app.command(group)
    return app


def _add(app: App, path: str, words: tuple[str, ...], summary: str, given: Sequence[str]) -> None:
    app.command(
        path,
        name=words[-1],
        help=None if tuple(given[: len(words)]) == words else summary,
        help_flags=HELP_FLAGS.get(words[0], ("--help", "-h")),
        help_epilogue=EXAMPLES[" ".join(words)],
    )
