"""What is told of a watched sniffer, as events: bytes without a closing blank line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from amp.core.voipmonitor.call_headers import LONGEST_NAME, REFERENCE, CallHeaders, header_name, value_text
from amp.core.voipmonitor.call_watch import CONNECT_COLUMN, QUALITY_COLUMNS, STATE_COLUMNS
from amp.core.voipmonitor.popup import PopupLine
from amp.core.voipmonitor.sniffer_stat import SnifferStat
from amp.core.voipmonitor.tables import Row
from amp.errors import LocalProtocolError

__all__ = ["CALLS", "STATE", "WatchEvents"]

CALLS: Final = frozenset((b"call", b"all"))
"""The classes of events about calls, and about whether amp can tell of them."""
STATE: Final = frozenset((b"reporting", b"all"))
"""The classes of ``SnifferStat``."""

IN_UPDATES: Final = frozenset(
    ("callid", "duration", CONNECT_COLUMN, "id_sensor", *STATE_COLUMNS, *QUALITY_COLUMNS)
)
"""The columns that an update shows."""

TOKEN_BYTES: Final = 8
MOST_HEADERS: Final = 100
"""Of a state, as many again of its disk, and of a popup; what is behind them is not shown."""
CALLS_PRIVILEGE: Final = "call,all"
STATE_PRIVILEGE: Final = "reporting,all"


class WatchEvents:
    """Makes the events of one sniffer.

    Args:
        server: its name.
        epoch: of its events.
        secret: what the tokens that stand for calls are made with; drawn once per process, at least 16
            bytes. Who has only the events cannot find the addresses behind them by trying.
    """

    def __init__(self, server: str, epoch: bytes, secret: bytes) -> None:
        self._server = server
        self._epoch = f"Epoch: {epoch.decode()}"
        self._secret = secret
        self._headers = CallHeaders()
        self._in_updates = CallHeaders(IN_UPDATES)

    def token(self, row: Row) -> str:
        """What stands for a call: the same in all its events, and for all clients, and no address."""
        known = "\0".join(
            (self._server, *(str(row.raw(name)) for name in (REFERENCE, "callid", "calldate_num")))
        )
        digest = hashlib.blake2b(
            known.encode("utf-8", "replace"), digest_size=TOKEN_BYTES, key=self._secret[:64]
        )
        return digest.hexdigest()

    def started(self, row: Row) -> bytes:
        """A call that was not there before."""
        return self._call("SnifferCallStart", row)

    def updated(self, row: Row, changed: Iterable[str]) -> bytes:
        """A call that has changed, and the columns that have; without what is in its start and stays.

        Most events by far are these, since the quality of every call changes all the time.
        """
        names = ",".join(filter(None, map(header_name, changed)))
        lines = [f"CallReference: {self.token(row)}", f"Changed: {names}", *self._in_updates.lines(row)]
        return _event("SnifferCallUpdate", CALLS_PRIVILEGE, lines)

    def ended(self, row: Row) -> bytes:
        """A call that is gone, with what was last known of it."""
        return self._call("SnifferCallEnd", row)

    def reset(self, reason: str, calls: int) -> bytes:
        """Whatever was told of calls before counts no more; so many there are now."""
        return _event("SnifferReset", CALLS_PRIVILEGE, [f"Reason: {reason}", f"Calls: {calls}", self._epoch])

    def down(self, reason: str) -> bytes:
        """From now on nothing is known."""
        return _event("SnifferDown", CALLS_PRIVILEGE, [f"Reason: {value_text(reason)}", self._epoch])

    def up(self, version: str) -> bytes:
        """The sniffer answers again."""
        return _event("SnifferUp", CALLS_PRIVILEGE, [f"Version: {value_text(version)}", self._epoch])

    def stat(self, stat: SnifferStat) -> bytes:
        """What the sniffer tells of itself; its disk's values each as a header."""
        return _event("SnifferStat", STATE_PRIVILEGE, _stat_headers(stat))

    def popup(self, line: PopupLine) -> bytes:
        """A call that pops up on somebody's screen."""
        shown = dict(islice(line.fields.items(), MOST_HEADERS))
        return _event("SnifferPopup", CALLS_PRIVILEGE, _lines(shown))

    def _call(self, name: str, row: Row) -> bytes:
        return _event(name, CALLS_PRIVILEGE, [f"CallReference: {self.token(row)}", *self._headers.lines(row)])


def _stat_headers(stat: SnifferStat) -> list[str]:
    whole = dict(islice(stat.values.items(), MOST_HEADERS))
    for place, name in enumerate(("calls_active", "calls_final")):
        count = stat.line.number("calls", place)
        whole[name] = None if count is None else int(count)
    if isinstance(disk := whole.get("disk_io"), dict):
        del whole["disk_io"]
        whole |= {f"disk_io_{name}": value for name, value in islice(disk.items(), MOST_HEADERS)}
    whole["high"] = ",".join(sorted(stat.line.high))
    return _lines(whole)


def _lines(values: Mapping[str, Any]) -> list[str]:
    """``Name: Value`` of each that has a value; of two with the same header the first."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if len(name) <= LONGEST_NAME and value not in (None, "") and (header := header_name(name)):
            found.setdefault(header, value_text(value))
    return [f"{name}: {text}" for name, text in found.items()]


def _event(name: str, privilege: str, lines: list[str]) -> bytes:
    """The event's bytes, without its closing blank line.

    Raises:
        LocalProtocolError: a line that is two.
    """
    raw = "\r\n".join([f"Event: {name}\r\nPrivilege: {privilege}", *lines]).encode("utf-8", "replace")
    # Nothing with a control byte comes as far as this; calls begin with strangers, though.
    if raw.count(b"\n") != len(lines) + 1 or raw.count(b"\r") != len(lines) + 1 or b"\0" in raw:
        raise LocalProtocolError(f"expected {name} to have {len(lines) + 2} lines")
    return raw
