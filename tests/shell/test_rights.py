"""Users by classes by actions and events, through the whole proxy.

What is expected is Asterisk's own: the classes of its ListCommands answer (recording list-commands), the
Privilege of its events (recordings stream-heavy, queue-status, userevent-odd), the words of its refusals
(recording readonly-denied).
"""

from __future__ import annotations

import re
from typing import Final

import attrs
import pytest

from amp.config.schema import Proxy, User
from amp.config.secret import Secret
from amp.sim.events import Event
from core.policy.recorded import broadcasts, listed
from shell.harness import ANNA, AmiClient, Lab, lab

CLASSES: Final = ("system", "call", "agent", "user", "config", "command", "reporting", "originate", "message")
SECRET: Final = Secret("s")

USERS: Final = (
    User(name="nobody", secret=SECRET, read=()),
    *(User(name=word, secret=SECRET, read=(word,), write=(word,)) for word in CLASSES),
    User(name="both", secret=SECRET, read=("call", "agent"), write=("call", "agent")),
    User(name="all", secret=SECRET, write=("all",)),
)

SIGNS_OFF: Final = {"Login", "Logoff"}
"""Would end the row."""

STRICTER: Final = {
    "BridgeDestroy": {"call"},
    "BridgeKick": {"call"},
    "BridgeTechnologySuspend": {"system"},
    "BridgeTechnologyUnsuspend": {"system"},
    "QueueChangePriorityCaller": {"agent"},
    "QueueReload": {"system", "agent"},
    "QueueReset": {"agent"},
    "QueueWithdrawCaller": {"agent"},
}
"""Free in Asterisk."""

DOORS: Final = {
    "Command": {"command"},
    "AGI": {"agi"},
    "Atxfer": set(),
    "BlindTransfer": set(),
    "CreateConfig": {"config"},
    "DBPut": set(),
    "DialplanExtensionAdd": set(),
    "DialplanExtensionRemove": set(),
    "GetConfig": {"config"},
    "GetConfigJSON": {"config"},
    "ListCategories": {"config"},
    "ModuleLoad": set(),
    "Redirect": set(),
    "Setvar": set(),
    "UpdateConfig": {"config"},
}
"""What leads to a shell, to files or to any context, and the classes that are such a door themselves."""


def may(user: User, action: str, classes: frozenset[str]) -> str:
    """``yes``, ``no`` for a missing class, ``shut`` for a door, by Asterisk's classes and our deviations."""
    needed = STRICTER.get(action, classes)
    if needed and "all" not in user.write and needed.isdisjoint(user.write):
        return "no"
    if action in DOORS and DOORS[action].isdisjoint(user.write):
        return "shut"
    return "yes"


async def verdict(client: AmiClient, action: str) -> str:
    """What amp says to a bare action; whatever a server says is ``yes``."""
    await client.action(action, ("ActionID", action), ("Timeout", "0"))
    answer = await client.answer(action)
    text = answer.get(b"Message") or b""
    if answer.get(b"Server") or not text.startswith(b"Permission denied"):
        return "yes"
    return "no" if text == b"Permission denied" else "shut"


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
async def test_every_recorded_action_for_every_class(user: User) -> None:
    """127 actions each: allowed where Asterisk allows, refused where it refuses, stricter where we say so."""
    recorded = {name.decode(): classes for name, classes in listed("list-commands").items()}
    assert len(recorded) == 127
    async with lab("a", users=(user,)) as one:
        client = await one.client(user.name, "s", events="off")
        found = {name: await verdict(client, name) for name in recorded if name not in SIGNS_OFF}
    assert found == {name: may(user, name, recorded[name]) for name in found}


def event_kinds() -> dict[bytes, bytes]:
    """One recorded event of each name."""
    kinds: dict[bytes, bytes] = {}
    for name in ("stream-heavy", "queue-status", "userevent-odd", "call-control", "list-actions"):
        for event in broadcasts(name):
            kinds.setdefault(event.partition(b"\r\n")[0], event)
    # Swallowed if it is about amp's own login.
    return {name: event for name, event in kinds.items() if name != b"Event: FullyBooted"}


async def all_published(one: Lab, watcher: AmiClient) -> None:
    """Wait until what the servers have said has been offered to every client."""
    one.sims["a"].user_event("Marker")
    await watcher.until(lambda frame: frame.get(b"UserEvent") == b"Marker")


async def so_far(client: AmiClient) -> list[bytes]:
    """What has come up to now, but for the marker and the greeting."""
    await client.action("Ping", ("ActionID", "end"), ("Server", "a"))
    seen = []
    while b"\r\nActionID: end\r\n" not in (raw := await client.raw()):
        seen.append(raw)
    return [raw for raw in seen if b"UserEvent: Marker" not in raw and b"FullyBooted" not in raw]


async def test_every_recorded_event_for_every_class() -> None:
    """An event comes if the user may read all of its classes; nothing of it is changed."""
    kinds = event_kinds()
    assert len(kinds) > 40
    async with lab("a", users=(ANNA, *USERS)) as one:
        clients = {user: await one.client(user.name, "s") for user in USERS}
        watcher = await one.client()
        await watcher.event("FullyBooted")
        one.sims["a"].publish([Event(0, event + b"\r\n\r\n") for event in kinds.values()])
        await all_published(one, watcher)
        for user, client in clients.items():
            expected = [shown(event) for event in kinds.values() if sees(user, event)]
            assert await so_far(client) == expected, user.name


def shown(event: bytes) -> bytes:
    """An event as a client gets it that did not ask for it."""
    return re.sub(rb"\r\nActionID: [^\r]*", b"", event) + b"\r\nServer: a"


def sees(user: User, event: bytes) -> bool:
    """Whether Asterisk would show it: every class in its Privilege must be readable."""
    found = re.search(rb"\r\nPrivilege: ([^\r]*)", event)
    assert found
    classes = set(found[1].decode().lower().split(",")) - {"all", "<none>"}
    return "all" in user.read or (bool(user.read) and classes <= set(user.read))


FILTERED = User(
    name="filtered",
    secret=SECRET,
    write=("system", "user"),
    eventfilter=("Event: UserEvent", "!UserEvent: Quiet", "eventfilter(name(Hangup)) ="),
)


def user_event(name: bytes) -> bytes:
    """A UserEvent as a client gets it."""
    return b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: %s\r\nServer: a" % name


async def test_filters_of_the_user_and_of_the_session() -> None:
    """A session's own filters come on top, for that session alone; list items and answers pass."""
    async with lab("a", users=(ANNA, FILTERED)) as one:
        watcher = await one.client()
        first, second = await one.client("filtered", "s"), await one.client("filtered", "s")
        lines = ("Operation", "Add"), ("Filter", "!Loud"), ("ActionID", "f")
        await first.action("Filter", *lines)
        assert (await first.answer("f")).get(b"Message") == b"Success"
        for name in ("Seen", "Quiet", "Loud"):
            one.sims["a"].user_event(name)
        one.sims["a"].publish([Event(0, b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: x\r\n\r\n")])
        await all_published(one, watcher)
        assert await so_far(first) == [user_event(b"Seen")]
        assert await so_far(second) == [user_event(b"Seen"), user_event(b"Loud")]
        await second.action("QueueStatus", ("ActionID", "list"))
        assert (await second.answer("list")).get(b"EventList") == b"start"
        assert (await second.until(lambda frame: frame.get(b"EventList") == b"Complete")).get(b"ActionID")


async def autofilter(client: AmiClient, mode: str) -> bytes | None:
    """Set the mode; the number that comes back."""
    await client.send(("ProxyAction", "SetAutoFilter"), ("AutoFilter", mode), ("ActionID", "auto"))
    frame = await client.until(lambda frame: frame.headers[0] == (b"ProxyResponse", b"Success"))
    assert frame.get(b"ActionID") == b"auto"
    return frame.get(b"AutoFilter")


async def test_autofilter_decides_who_sees_which_action_id() -> None:
    """The asker's event in each mode; a list item is for its asker in all of them."""
    async with lab("a", proxy=Proxy(name="lab", autofilter="on")) as one:
        off, unique, on, asker = [await one.client() for _ in range(4)]
        assert [await autofilter(off, "Off"), await autofilter(unique, "Unique")] == [b"0", b"2"]
        assert await autofilter(asker, "on") == b"1"
        await on.action("UserEvent", ("UserEvent", "Mine"), ("ActionID", "same"))
        assert (await on.event("UserEvent")).get(b"ActionID") == b"same"
        await asker.action("UserEvent", ("UserEvent", "Hers"), ("ActionID", "same"))
        assert (await asker.event("UserEvent")).get(b"UserEvent") == b"Hers"
        foreign = b"Event: UserEvent\r\nPrivilege: user,all\r\nActionID: x\r\nA: b\r\n\r\n"
        one.sims["a"].publish([Event(0, foreign)])
        assert (await off.event("UserEvent")).get(b"ActionID") == b"same"
        assert (await off.event("UserEvent")).get(b"ActionID") == b"same"
        assert (await off.event("UserEvent")).get(b"ActionID") == b"x"
        assert await ids_of_events(on) == await ids_of_events(asker) == []
        assert await ids_of_events(unique) == [[], [], []]


async def test_a_users_autofilter_counts_from_its_login_on() -> None:
    seer = attrs.evolve(ANNA, name="seer", autofilter="off")
    async with lab("a", users=(ANNA, seer)) as one:
        anna, other = await one.client(), await one.client("seer")
        await anna.action("UserEvent", ("UserEvent", "Mine"), ("ActionID", "annas"))
        assert (await other.event("UserEvent")).get(b"ActionID") == b"annas"
        assert await autofilter(other, "Unique") == b"2"
        await anna.action("UserEvent", ("UserEvent", "Mine"), ("ActionID", "annas"))
        assert (await other.event("UserEvent")).get(b"ActionID") is None


async def ids_of_events(client: AmiClient) -> list[list[bytes]]:
    """The ActionIDs of each UserEvent that is left to read."""
    events = [raw for raw in await so_far(client) if raw.startswith(b"Event: UserEvent")]
    return [re.findall(rb"\r\nActionID: (.*)\r\n", raw) for raw in events]


async def test_proxy_actions_show_amp_and_nothing_goes_upstream() -> None:
    """Two sessions and one server, in astmanproxy's words."""
    async with lab("a") as one:
        anna = await one.client(events="off")
        await one.client(events="off")
        worked = one.sims["a"].actions_worked
        await anna.send(("ProxyAction", "ListSessions"))
        names = [name for name, _ in (await anna.frame()).headers]
        assert names.count(b"ProxyClientSession") == 2
        assert names[-1] == b"ProxyServerSession"
        await anna.send(("ProxyAction", "ListServers"))
        lines = rb"ProxyResponse: Success\r\nProxyListServer I: 127.0.0.1 H: a U: amp P: \d+ E: on \r\n"
        lines += rb"ProxyServerState N: a K: asterisk S: up V: [\d.]+ "
        assert re.fullmatch(lines, await anna.raw())
        await anna.send(("Action", "Hangup"), ("ProxyAction", "Nonsense"))
        assert await anna.raw() == b"ProxyResponse: Error\r\nMessage: Invalid Proxy Action"
        assert one.sims["a"].actions_worked == worked
        await anna.send(("ProxyAction", "Logoff"))
        assert (await anna.frame()).name == b"Goodbye"
        assert await anna.rest() == b""


KEYED = Proxy(name="lab", proxy_key=Secret("the key"), proxy_key_user="call")
ANYBODY = Proxy(name="lab", authentication="none", anonymous_user="agent", proxy_key=Secret("the key"))


async def stranger(one: Lab) -> AmiClient:
    """A connection that has not signed in."""
    client = await one.connect()
    await client.greeting()
    return client


async def test_the_proxy_key_is_a_login() -> None:
    """With its user's rights, and it does not go on to the server; a wrong one ends the connection."""
    async with lab("a", users=USERS, proxy=KEYED) as one:
        client = await stranger(one)
        await client.action("Hangup", ("ProxyKey", "the key"), ("Channel", "x"), ("ActionID", "1"))
        assert (await client.answer("1")).get(b"Server") == b"a"
        await client.action("QueuePause", ("ActionID", "2"))
        assert (await client.answer("2")).get(b"Message") == b"Permission denied"
        wrong = await stranger(one)
        await wrong.action("Ping", ("ProxyKey", "canary"), ("ActionID", "1"))
        assert (await wrong.answer("1")).get(b"Message") == b"Authentication failed"
        assert await wrong.rest() == b""
        assert "canary" not in repr(one.lines)


async def test_the_anonymous_have_their_users_rights() -> None:
    """Without a named user a key lets see everything and do nothing."""
    async with lab("a", users=USERS, proxy=ANYBODY) as one:
        client = await stranger(one)
        await client.action("QueuePause", ("ActionID", "1"))
        assert (await client.answer("1")).get(b"Server") == b"a"
        await client.action("Hangup", ("ActionID", "2"))
        assert (await client.answer("2")).get(b"Message") == b"Permission denied"
        await client.action("QueuePause", ("ProxyKey", "the key"), ("ActionID", "3"))
        assert (await client.answer("3")).get(b"Message") == b"Permission denied"
        one.sims["a"].user_event("Now")
        assert (await client.event("UserEvent")).get(b"UserEvent") == b"Now"


async def test_a_console_is_as_wide_as_its_list() -> None:
    """``commands`` narrows the door; ``contexts`` opens moving channels."""
    user = User(
        name="narrow", secret=SECRET, write=("command", "call"), commands=("core show *",), contexts=("desk",)
    )
    async with lab("a", users=(user,)) as one:
        client = await one.client("narrow", "s", events="off")
        for command, allowed in (("core show version", True), ("core stop now", False)):
            await client.action("Command", ("Command", command), ("ActionID", command))
            assert bool((await client.answer(command)).get(b"Server")) is allowed
        for context, allowed in (("desk", True), ("out", False)):
            await client.action("Redirect", ("Channel", "x"), ("Context", context), ("ActionID", context))
            assert bool((await client.answer(context)).get(b"Server")) is allowed
