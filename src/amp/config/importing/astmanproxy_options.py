"""The options of ``astmanproxy.conf``, and the section ``[proxy]`` that comes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amp.config.importing.astmanproxy_files import Line
from amp.config.importing.table import Table

__all__ = ["OPTIONS", "Options", "clamped", "milliseconds", "proxy_table", "whole"]

OPTIONS: Final[Mapping[str, str]] = {
    # What amp does not need, with the reason; "" for what becomes a setting elsewhere.
    "host": "",
    "retryinterval": "",
    "maxretries": "amp never gives up on a server: it tries again for ever, at most reconnect_max apart,"
    " and shows what it finds.",
    "listenaddress": "",
    "listenport": "",
    "asteriskwritetimeout": "amp never waits for Asterisk to take an action: it queues it, with a deadline"
    " (limits.action_timeout).",
    "clientwritetimeout": "amp never waits for a client: what it does not take is kept for it up to"
    " limits.outlet_bytes, and limits.stall_timeout ends a client that takes nothing at all. A limit of"
    " milliseconds would cut clients that astmanproxy kept.",
    "sslclienthellotimeout": "",
    "authrequired": "",
    "acceptencryptedconnection": "",
    "acceptunencryptedconnection": "",
    "certfile": "",
    "proxykey": "",
    "proc_user": "amp does not change its user; start it as the one wanted (User= in systemd).",
    "proc_group": "amp does not change its group; start it with the one wanted (Group= in systemd).",
    "logfile": "",
    "autofilter": "",
    "filterlocal": "",
    "outputformat": "",
    "inputformat": "",
    "forcebanner": "",
}
"""Every option of both versions: ``filterlocal`` and ``forcebanner`` are the fork's, the others both know."""

SHOWS_ALL: Final = (
    "astmanproxy's autofilter = off showed every client the answers to every other client's actions. amp"
    ' gives an answer to who asked, and to nobody else; what is left of "off" are the ActionIDs in events.'
)


class Options:
    """The lines of ``astmanproxy.conf`` by name, whose case does not count."""

    def __init__(self, lines: list[Line]) -> None:
        self.unknown = [line for line in lines if line.name.lower() not in OPTIONS]
        self._lines = lines

    def all(self, name: str) -> list[Line]:
        """Every line of an option."""
        return [line for line in self._lines if line.name.lower() == name]

    def last(self, name: str) -> str:
        """The value that counts, ``""`` if there is none: astmanproxy took the last."""
        return next((line.value for line in reversed(self.all(name))), "")

    def says_yes(self, name: str) -> bool:
        """Whether it is on: only ``yes`` is, and nothing is by default."""
        return self.last(name).lower() == "yes"


def proxy_table(options: Options, strangers: Mapping[str, Table]) -> Table:
    """``[proxy]``: who comes in without a login, and what clients begin with."""
    table = Table("proxy")
    _authentication(table, options, strangers)
    _greeting(table, options)
    mode = options.last("autofilter").lower()
    mode = mode if mode in ("on", "unique") else "off"
    table.set("autofilter", mode, *([SHOWS_ALL] if mode == "off" else []))
    if text := options.last("sslclienthellotimeout"):
        table.set("detect_timeout", milliseconds(clamped(whole(text), 10, 60_000)))
    return table


def _authentication(table: Table, options: Options, strangers: Mapping[str, Table]) -> None:
    key = options.last("proxykey")
    if options.says_yes("authrequired") or key:
        table.set("authentication", "required")
    else:
        table.set(
            "authentication",
            "none",
            'Was open: authrequired was not "yes", so whoever reached the port could do everything. It is'
            ' kept that way; give every program a [[user]] of its own, then write "required" here.',
        )
        table.set("anonymous_user", str(strangers["anonymous_user"].settings["name"]))
    if key and table.set("proxy_key", key, *_key_notes(options)):
        table.set("proxy_key_user", str(strangers["proxy_key_user"].settings["name"]))


def _key_notes(options: Options) -> list[str]:
    notes = [
        "With a proxykey, astmanproxy asked every client for it, also before a login. Here a login will do."
    ]
    line = options.all("proxykey")[-1]
    if line.cut:
        notes.append("astmanproxy read the key so, up to a ; or # and without =.")
    if line.value != line.value.lower():
        notes.append(
            "Most versions of astmanproxy read it in small letters; clients must send what stands here."
        )
    return notes


def _greeting(table: Table, options: Options) -> None:
    banner = options.last("forcebanner")
    if banner:
        table.set("greeting", banner)
        return
    table.note(
        'astmanproxy greeted clients as "Asterisk Call Manager Proxy/" and its version. amp greets them as an'
        " Asterisk, whose version clients read there. For a program that looks for the old line:",
    )
    table.lines.append('#greeting = "Asterisk Call Manager Proxy/1.21"')


def whole(text: str) -> int:
    """The number that C's ``atoi`` sees: digits in front, else 0."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    count = next((at for at, char in enumerate(digits) if char not in "0123456789"), len(digits))
    return sign * int(digits[: min(count, 9)] or "0")


def clamped(number: int, low: int, high: int) -> int:
    """The number, or the bound that it passes."""
    return max(low, min(number, high))


def milliseconds(number: int) -> str:
    """A duration as amp writes it."""
    return f"{number}ms" if number % 1000 else f"{number // 1000}s"
