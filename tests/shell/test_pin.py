"""Listeners for one server: what their clients see and do, and what becomes of them when it is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import trio

from amp.config.schema import Listen, Proxy, User
from amp.config.secret import Secret
from shell.harness import ANNA, PATIENCE_S, Lab, lab
from shell.test_reload import hang_up

ALL: tuple[Literal["all"]] = ("all",)
FOR_A = User(name="ada", secret=Secret("s"), read=ALL, write=ALL, server="a")
FOR_BOTH = User(name="bo", secret=Secret("s"), read=ALL, write=ALL, server="a", servers=("b",))
STAYS = User(name="eve", secret=Secret("s"), read=ALL, write=ALL, server="b", on_server_loss="event")

LEAVING, STAYING = 0, 1
LISTEN = (Listen(port=0, server="b"), Listen(port=0, server="b", on_server_loss="event"), Listen(port=0))


async def test_everybody_there_is_bound_to_its_server() -> None:
    """Also a user that may use others elsewhere."""
    async with lab("a", "b", users=(ANNA, FOR_BOTH), listen=LISTEN) as one:
        for user, secret in (("anna", "anna's"), ("bo", "s")):
            client = await one.connect(LEAVING)
            assert (await client.login(user, secret)).name == b"Success"
            one.sims["a"].user_event("NotHere")
            one.sims["b"].user_event("Here")
            assert (await client.event("UserEvent")).get(b"UserEvent") == b"Here"
            await client.action("CoreStatus", ("ActionID", "1"))
            assert (await client.answer("1")).get(b"Server") == b"b"
            await client.action("CoreStatus", ("ActionID", "2"), ("Server", "a"))
            assert (await client.answer("2")).name == b"Error"


async def test_a_user_of_another_server_cannot_sign_in_there() -> None:
    """The client hears what it would with a wrong secret; the log says what it is."""
    async with lab("a", "b", users=(FOR_A,), listen=LISTEN) as one:
        client = await one.connect(LEAVING)
        assert (await client.login("ada", "s")).get(b"Message") == b"Authentication failed"
        await one.logged("user_of_other_servers", user="ada", listener_for="b")
        elsewhere = await one.connect(2)
        assert (await elsewhere.login("ada", "s")).name == b"Success"


async def test_without_authentication_the_pin_holds_as_well() -> None:
    async with lab("a", "b", listen=LISTEN, proxy=Proxy(name="lab", authentication="none")) as one:
        client = await one.connect(LEAVING)
        await client.action("Ping", ("ActionID", "in"))
        await client.until(lambda frame: frame.get(b"ActionID") == b"in")
        one.sims["a"].user_event("NotHere")
        one.sims["b"].user_event("Here")
        assert (await client.event("UserEvent")).get(b"UserEvent") == b"Here"


async def lose_b(one: Lab) -> None:
    """Take ``b`` away until `bring_back`."""
    one.sims["b"].faults.refuse_logins = True
    one.sims["b"].faults.drop()
    await one.logged("server_down", server="b")


async def test_clients_leave_with_the_server_and_come_back_with_it() -> None:
    """As if they were connected to Asterisk itself: also new ones, until it is back."""
    async with lab("a", "b", users=(ANNA, FOR_A), listen=LISTEN) as one:
        client, free = await one.connect(LEAVING), await one.connect(2)
        await client.login()
        await free.login()
        await lose_b(one)
        await client.rest()
        await one.logged("client_done", reason="server b lost")
        late = await one.connect(LEAVING)
        assert await late.rest() == b""
        await one.logged("connection_not_opened", reason="server b is down")
        await free.event("ServerDown")
        one.sims["b"].faults.refuse_logins = False
        assert (await free.event("ServerUp")).get(b"Server") == b"b"
        back = await one.connect(LEAVING)
        assert (await back.login()).name == b"Success"


async def test_who_shall_stay_is_told() -> None:
    """``on_server_loss = "event"``: events, errors meanwhile, and new clients are welcome."""
    async with lab("a", "b", listen=LISTEN) as one:
        client = await one.connect(STAYING)
        await client.login()
        await lose_b(one)
        assert (await client.event("ServerDown")).get(b"Server") == b"b"
        late = await one.connect(STAYING)
        assert (await late.login(events="off")).name == b"Success"
        await late.action("CoreStatus", ("ActionID", "1"))
        assert (await late.answer("1")).name == b"Error"
        one.sims["b"].faults.refuse_logins = False
        await client.event("ServerUp")


async def test_a_users_own_setting_counts_on_a_listener_for_all() -> None:
    """A pinned user that is to leave is not let in while its server is down; one that is to stay is."""
    leaves = User(name="lea", secret=Secret("s"), read=ALL, server="b")
    async with lab("a", "b", users=(STAYS, leaves), listen=(Listen(port=0),)) as one:
        eve = await one.client("eve", "s")
        await lose_b(one)
        await eve.event("ServerDown")
        lea = await one.client("lea", "s")
        await lea.rest()
        await one.logged("client_done", user="lea", reason="server b is down")


async def test_the_pin_survives_a_reload_of_the_users(tmp_path: Path) -> None:
    """New rights are narrowed again; who may not use the server any more is logged off."""
    path, head = tmp_path / "amp.toml", '[[server]]\nhost = "h"\nusername = "u"\nsecret = "s"\nname = '
    servers = f'{head}"a"\n{head}"b"\n'
    anna = '[[user]]\nname = "anna"\nsecret = "anna\'s"\nread = ["all"]\n'
    async with lab("a", "b", listen=LISTEN, path=path) as one:
        client = await one.connect(STAYING)
        await client.login()
        await hang_up(one, path, servers + anna)
        await one.logged("rights_changed", user="anna")
        one.sims["a"].user_event("NotHere")
        one.sims["b"].user_event("Here")
        assert (await client.event("UserEvent")).get(b"UserEvent") == b"Here"
        await client.action("Command", ("Command", "core show version"), ("ActionID", "1"))
        assert (await client.answer("1")).get(b"Message") == b"Permission denied"
        await hang_up(one, path, servers + anna + 'server = "a"\n')
        assert b"ProxyMessage: Logged off: user bound to another server\r\n" in await client.rest()


async def test_two_reloads_without_a_change_leave_everybody_alone(tmp_path: Path) -> None:
    """Nobody loses a session because its user is less on this listener than in the file."""
    path = tmp_path / "amp.toml"
    text = '[[user]]\nname = "anna"\nsecret = "anna\'s"\nread = ["all"]\nwrite = ["all", "command"]\n'
    async with lab("a", "b", listen=LISTEN, path=path) as one:
        client = await one.connect(LEAVING)
        await client.login(events="off")
        for _ in range(2):
            await hang_up(one, path, text)
            assert not [line for line in one.lines if line["event"] == "rights_changed"]
        await client.action("CoreStatus", ("ActionID", "1"))
        with trio.fail_after(PATIENCE_S):
            assert (await client.answer("1")).get(b"Server") == b"b"
