"""``astmanproxy.conf`` and ``astmanproxy.users`` into amp's TOML, both versions: 1.2x and the 1.30 fork.

Every option becomes a setting, or a comment that says why not. What an option means is taken from the
source of astmanproxy; docs/migrate-from-astmanproxy.md tells it row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amp.config.importing.astmanproxy_files import Line, read_conf, read_users
from amp.config.importing.astmanproxy_listen import listener
from amp.config.importing.astmanproxy_options import OPTIONS, Options, proxy_table
from amp.config.importing.astmanproxy_servers import named_servers, server_tables
from amp.config.importing.astmanproxy_users import everybody, user_tables
from amp.config.importing.table import Imported, Table, render, setting_lines

__all__ = ["CertificateProblem", "import_astmanproxy"]

CertificateProblem = Callable[[str], str]
"""What is wrong with a certificate file, ``""`` if nothing: amp would not start with it."""

INTRODUCTION: Final = (
    "Made from astmanproxy's configuration. What could not be taken over is a comment, and so is what you may"
    " want to change: search for 'Was open' and 'Left out'.",
    "Secrets stand in this file as they did in astmanproxy's. Keep it from other eyes (chmod 600), or put"
    ' each into a file of its own: secret = { file = "..." }.',
)


def import_astmanproxy(
    conf: str,
    users: str | None,
    *,
    draw_secret: Callable[[], str],
    certificate_problem: CertificateProblem,
    log_problem: Callable[[str], str] = lambda _: "",
) -> Imported:
    """Convert both files.

    Args:
        conf: the text of ``astmanproxy.conf``.
        users: the text of ``astmanproxy.users``, if there is one.
        draw_secret: gives a new random secret, for users that astmanproxy did not have by name.
        certificate_problem: judges the certificate.
        log_problem: tells why amp cannot write a log file, ``""`` if it can.

    Returns:
        A TOML text that ``amp check`` takes, and how much of it is comments.
    """
    options = Options(list(read_conf(conf)))
    servers = named_servers(options)
    head = Table("")
    head.note(*INTRODUCTION)
    hosts = server_tables(options, servers)
    usable = {server.name: not table.wrong for server, table in zip(servers, hosts, strict=True)}
    people = user_tables(list(read_users(users or "")), usable, options)
    taken = {str(table.settings.get("name", "")).lower() for table in people}
    strangers = everybody(options, taken, draw_secret)
    return render(
        [
            head,
            proxy_table(options, strangers),
            listener(options, certificate_problem),
            *hosts,
            *people,
            *strangers.values(),
            *_others(options, log_problem),
        ]
    )


def _others(options: Options, log_problem: Callable[[str], str]) -> list[Table]:
    """The log, and what has no place in amp."""
    log, rest = Table("log"), Table("")
    for name, reason in OPTIONS.items():
        for line in options.all(name):
            if reason:
                rest.leave_out(f"{line.name} = {line.value}: {reason}")
    for line in options.unknown:
        rest.leave_out(_unknown(line))
    if path := options.last("logfile"):
        if problem := log_problem(path):
            why = f"The log goes to standard error, since {problem} (where this was made)."
            log.leave_out(why, *setting_lines("file", path))
        else:
            log.set("file", path, "Its folder must be writable for the user that amp runs as.")
    return [table for table in (log, rest) if table.lines]


def _unknown(line: Line) -> str:
    shown = f"{line.name} = {line.value}" if line.value else line.name
    return f"Line {line.number}: {shown}: no option that astmanproxy knew; it passed over it, too."
