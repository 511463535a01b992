"""Asterisk's ``manager.conf`` into amp's TOML: who connects to Asterisk today connects to amp tomorrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amp.config.importing.asterisk_config import ConfigFile, Section, read_config
from amp.config.importing.astmanproxy_options import clamped, whole
from amp.config.importing.manager_general import GENERAL, listeners
from amp.config.importing.manager_users import user_table
from amp.config.importing.table import Imported, Table, commented, render

__all__ = ["import_manager"]

INTRODUCTION: Final = (
    "Made from Asterisk's manager.conf: the accounts there are users here, and amp has an account of its"
    " own there. What could not be taken over is a comment: search for 'Was open' and 'Left out'.",
    "Secrets stand in this file as they did in manager.conf. Keep it from other eyes (chmod 600), or put"
    ' each into a file of its own: secret = { file = "..." }.',
)
ANY: Final = ("", "0.0.0.0", "::", "[::]")  # noqa: S104  # addresses to read, not to bind


def import_manager(
    text: str, *, draw_secret: Callable[[], str], certificate_problem: Callable[[str], str]
) -> Imported:
    """Convert the file.

    Args:
        text: of ``manager.conf``.
        draw_secret: gives a new random secret, for amp's own account.
        certificate_problem: what is wrong with a certificate file, ``""`` if nothing.

    Returns:
        A TOML text that ``amp check`` takes, and how much of it is comments.
    """
    file = read_config(text)
    general = next((one for one in file.sections if one.name.lower() == "general"), Section("general"))
    accounts = [one for one in file.sections if one is not general]
    users = [user_table(one) for one in accounts]
    for index, table in enumerate(users):
        if any(_same_name(table, other) for other in users[:index]):
            table.void("an account further up has the same name (case aside).")
    tables = [
        _head(file),
        *listeners(general, _guarded(accounts), certificate_problem),
        _server(general, accounts, draw_secret()),
        *users,
        _limits(general),
        _rest(general),
    ]
    return render([table for table in tables if table.lines])


def _head(file: ConfigFile) -> Table:
    head = Table("")
    head.note(*INTRODUCTION)
    for line in file.includes:
        head.leave_out(
            f"{line}: accounts in other files are not in here. Put the files together and import that."
        )
    return head


def _same_name(table: Table, other: Table) -> bool:
    names = [str(one.settings.get("name", "")).lower() for one in (table, other)]
    return names[0] == names[1] and not other.wrong


def _guarded(accounts: list[Section]) -> list[str]:
    """The accounts that may only be used from some addresses."""
    return [one.name for one in accounts if any(one.last(name) for name in ("permit", "deny", "acl"))]


def _server(general: Section, accounts: list[Section], secret: str) -> Table:
    table = Table("server", array=True)
    name = "amp"
    while name.lower() in {one.name.lower() for one in accounts}:
        name += "-proxy"
    address = general.last("bindaddr")
    host = "127.0.0.1" if address in ANY else address
    table.note('amp\'s own account. Put this into manager.conf, then "manager reload" on the console:')
    table.lines += commented(f"  [{name}]") + commented(f"  secret = {secret}")
    table.lines += ["#   read = all", "#   write = all", "#   allowmultiplelogin = yes"]
    table.note("If amp runs on another machine, change the host, and let manager.conf permit amp's address.")
    table.set("name", "asterisk")
    table.set("host", host)
    table.set("port", clamped(whole(general.last("port") or "5038"), 1, 65535))
    table.set("username", name)
    table.set("secret", secret)
    return table


def _limits(general: Section) -> Table:
    table = Table("limits")
    if text := general.last("authtimeout"):
        table.set("login_timeout", f"{clamped(whole(text), 1, 604_800)}s", "authtimeout")
    if text := general.last("authlimit"):
        table.set("strangers", clamped(whole(text), 1, 1_000_000), "authlimit; amp's own default is 1000.")
    return table


def _rest(general: Section) -> Table:
    table = Table("")
    for name, value in general.lines:
        reason = GENERAL.get(name.lower(), "no option of [general] that is known here.")
        if reason:
            table.leave_out(f"{name} = {value}: {reason}")
    return table
