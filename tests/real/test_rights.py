"""The same classes and filters asked of Asterisk directly and of amp: who may do what, who sees what.

The users are those of conf/manager.conf whose names begin with ``rights-`` and ``filter-``; amp gets the
same accounts with the same classes and filters.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import attrs
import pytest

from real.amp_process import Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import calls_over, hang_up_all, make_calls
from real.oracle import Client, signed_in
from real.streams import Window, assert_same_events, mark, seen_by_client, seen_by_oracle, wait_window

pytestmark = pytest.mark.asterisk

CONF: Final = Path(__file__).parent / "conf" / "manager.conf"

NOT_ASKED: Final = {"Login", "Logoff", "WaitEvent", "Reload", "QueueReload", "LoggerRotate"}
"""Would end the session or wait for its events, or disturb the server."""

STRICTER: Final = {
    "BridgeDestroy": {"call"},
    "BridgeKick": {"call"},
    "BridgeTechnologySuspend": {"system"},
    "BridgeTechnologyUnsuspend": {"system"},
    "QueueChangePriorityCaller": {"agent"},
    "QueueReset": {"agent"},
    "QueueWithdrawCaller": {"agent"},
}
"""What Asterisk lets everybody do, and the class that amp asks for."""

CLASS_DOORS: Final = {
    "AGI": "agi",
    "Command": "command",
    "CreateConfig": "config",
    "GetConfig": "config",
    "GetConfigJSON": "config",
    "ListCategories": "config",
    "UpdateConfig": "config",
}
"""Doors that bear the name of a class: neither ``all`` nor another class opens them."""

OTHER_DOORS: Final = (
    "contexts", "dbput", "dialplan_extension", "files", "function_calls", "mixmonitor_command", "module_load",
    "originate_application", "special_variables",
)  # fmt: skip
"""Opened for all of amp's users here, since Asterisk has no such doors."""


@attrs.frozen
class Account:
    """A user of manager.conf."""

    name: str
    read: tuple[str, ...]
    write: tuple[str, ...]
    eventfilter: tuple[str, ...]

    def table(self) -> str:
        """The same for amp."""
        lines = "[[user]]", f"name = '{self.name}'", "secret = 'secret'"
        write = [*self.write, *OTHER_DOORS]
        lists = {"read": [*self.read], "write": write, "eventfilter": [*self.eventfilter]}
        return "\n".join(["", *lines, *(f"{key} = {value}" for key, value in lists.items()), ""])


def accounts(prefix: str) -> list[Account]:
    """The accounts whose names begin so."""
    found = []
    for section in CONF.read_text().split("\n[")[1:]:
        name, _, body = section.partition("]\n")
        lines = [line for line in body.splitlines() if line and not line.startswith(";")]
        if name.startswith(prefix):
            settings = [line.partition(" = ")[::2] for line in lines]
            classes = {key: tuple(value.strip().split(",")) for key, value in settings}
            # A semicolon that begins no comment has a backslash before it.
            filters = tuple(line.replace("\\;", ";") for line in lines if line.startswith("eventfilter"))
            found.append(Account(name, classes["read"], classes.get("write", ()), filters))
    return found


async def is_denied(client: Client, action: str) -> bool:
    """Whether a bare action is refused for a right that is missing."""
    answer = await client.ask(action)
    return (answer.get("Message") or b"").startswith(b"Permission denied")


def deviates(account: Account, action: str) -> bool:
    """Whether amp refuses on purpose what Asterisk allows."""
    if action in CLASS_DOORS:
        return CLASS_DOORS[action] not in account.write
    return action in STRICTER and STRICTER[action].isdisjoint(account.write) and "all" not in account.write


async def test_amp_refuses_what_asterisk_refuses(asterisks: Mapping[str, Asterisk], tmp_path: Path) -> None:
    """Every action that this Asterisk lists, for every account, directly and through amp."""
    port = asterisks["plain"].ports.ami
    users = accounts("rights-")
    assert len(users) == 10
    async with AsyncExitStack() as stack:
        amp = await stack.enter_async_context(
            open_amp(tmp_path, [Upstream(name="plain", port=port)], users="".join(u.table() for u in users))
        )
        oracle = await stack.enter_async_context(signed_in(port, events="off"))
        listing = await oracle.ask("ListCommands")
        lines = [
            line.partition(b":")[0].decode() for line in listing.raw.split(b"\r\n") if b"(Priv: " in line
        ]
        actions = [name for name in lines if name not in NOT_ASKED]
        assert len(actions) > 100
        for user in users:
            async with (
                signed_in(port, user=user.name, events="off") as direct,
                signed_in(amp.port, user=user.name, events="off") as through,
            ):
                asterisks_verdict = {name: await is_denied(direct, name) for name in actions}
                amps_verdict = {name: await is_denied(through, name) for name in actions}
            expected = {name: no or deviates(user, name) for name, no in asterisks_verdict.items()}
            assert amps_verdict == expected, user.name
            assert any(asterisks_verdict.values()) is ("all" not in user.write)


async def test_amp_shows_what_asterisk_shows(asterisks: Mapping[str, Asterisk], tmp_path: Path) -> None:
    """Ten calls of all kinds: each account sees the same events in the same order, byte for byte."""
    port = asterisks["plain"].ports.ami
    users = [*accounts("rights-"), *accounts("filter-")]
    window = Window.at("plain")
    async with AsyncExitStack() as stack:
        amp = await stack.enter_async_context(
            open_amp(tmp_path, [Upstream(name="plain", port=port)], users="".join(u.table() for u in users))
        )
        control = await stack.enter_async_context(signed_in(port, events="off"))
        await hang_up_all(control)
        direct = {u: await stack.enter_async_context(signed_in(port, user=u.name)) for u in users}
        through = {u: await stack.enter_async_context(signed_in(amp.port, user=u.name)) for u in users}
        await mark(control, window, "begin")
        await make_calls(control, 10)
        await calls_over(control)
        await mark(control, window, "end")
        await wait_window([*direct.values(), *through.values()], [window])
        counts = {}
        for user in users:
            expected = seen_by_oracle(direct[user], window)
            assert_same_events(expected, seen_by_client(through[user], window), user.name)
            counts[user.name] = len(expected)
    assert counts["rights-none"] == counts["rights-config"] < counts["rights-dialplan"]
    assert counts["rights-agent"] < counts["rights-call"] < counts["rights-all"]
    assert 2 < counts["filter-new"] < counts["filter-old"] < counts["rights-all"]
