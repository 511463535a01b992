"""An account of ``manager.conf`` into a ``[[user]]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amp.config.importing.asterisk_config import Section
from amp.config.importing.rights import written
from amp.config.importing.table import Table
from amp.config.schema import RIGHTS

__all__ = ["ACCOUNT", "user_table"]

ACCOUNT: Final[Mapping[str, str]] = {
    # What has no place in a [[user]], with the reason; "" for what becomes a setting.
    "secret": "",
    "password": "",
    "read": "",
    "write": "",
    "eventfilter": "",
    "permit": "amp has no list of addresses for a user yet; see [[listen]].",
    "deny": "amp has no list of addresses for a user yet; see [[listen]].",
    "acl": "amp has no list of addresses for a user yet; see [[listen]].",
    "writetimeout": "amp waits for no client; limits.outlet_bytes and stall_timeout say when it gives up.",
    "setvar": "Asterisk sets it on calls of this account, and with amp on none, since amp's own account makes"
    " them all. Give it to amp's account in manager.conf if all users had it.",
    "displayconnects": "concerns Asterisk's console.",
    "allowmultiplelogin": "amp lets a user in several times (limits.connections_per_user).",
}

WAS_OPEN: Final = "Was open: these classes led through doors in Asterisk, too. Take out what nobody needs:"


def user_table(account: Section) -> Table:
    """The user; left out as a comment if nobody could log in as it."""
    table = Table("user", array=True)
    table.set("name", account.name)
    secret = account.last("secret", "password")
    if secret:
        table.set("secret", secret)
    else:
        table.void(f"{account.name} has no secret, so nobody could log in.")
    for name, value in account.lines:
        reason = ACCOUNT.get("eventfilter" if _is_filter(name) else name.lower(), "not known here.")
        if reason:
            table.leave_out(f"{name} = {value}: {reason}")
    _rights(table, account)
    _filters(table, account)
    return table


def _rights(table: Table, account: Section) -> None:
    table.set("read", _classes(table, account.last("read")))
    writes = written(_classes(table, account.last("write")))
    if any(note for _, note in writes):
        table.note(WAS_OPEN)
        table.array_of("write", writes)
    else:
        table.set("write", [word for word, _ in writes])


def _classes(table: Table, text: str) -> list[str]:
    """The words that are classes; Asterisk passes over others."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in RIGHTS:
            table.leave_out(f"{word}: no class that amp knows; Asterisk passes over such words.")
    known = list(dict.fromkeys(word for word in words if word in RIGHTS))
    return ["all"] if "all" in known else known


def _filters(table: Table, account: Section) -> None:
    """All of them or nothing: without one of them a user would see what it did not."""
    found = [
        value if name.lower() == "eventfilter" else f"{name} = {value}"
        for name, value in account.lines
        if _is_filter(name)
    ]
    if found and not table.set("eventfilter", found):
        table.void("without its event filters this user would see more than it did.")


def _is_filter(name: str) -> bool:
    return name.lower().startswith("eventfilter")
