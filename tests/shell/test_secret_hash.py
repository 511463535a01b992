"""Users whose secret is kept as a hash: what a check costs is paid by who asked for it."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import bcrypt
import pytest
import trio

from amp.config.schema import Limits, Listen, User
from amp.config.secret import Secret
from amp.core.ami.door import NO_KEYS_FOR_HASHES
from amp.core.ami.secret_hash import matches
from amp.core.ami.session_events import SecretUnchecked
from amp.shell.secret_checks import SecretChecks, thread_count
from shell.browsing import Browser, basic, query
from shell.harness import ANNA, PATIENCE_S, AmiClient, lab

SECRET = "hanna's"
HASH = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()
HANNA = User(name="hanna", secret_hash=Secret(HASH), write=("all",))
RIGHT = SecretUnchecked(SECRET.encode(), HASH)
TOO_MANY = b"Too many logins at the same time; try again later"


@attrs.define
class Gate:
    """A check that waits till it is let go on, so that a test can look around meanwhile.

    Attributes:
        begun: how many checks have begun.
    """

    begun: int = 0
    _open: threading.Event = attrs.field(factory=threading.Event)

    def check(self, secret: bytes, hashed: str) -> bool:
        self.begun += 1
        assert self._open.wait(PATIENCE_S)
        return matches(secret, hashed)

    def open(self) -> None:
        self._open.set()

    async def reached(self, count: int = 1) -> None:
        with trio.fail_after(PATIENCE_S):
            while True:
                if self.begun >= count:
                    return
                await trio.sleep(0.005)


@pytest.fixture
def gate() -> Iterator[Gate]:
    one = Gate()
    yield one
    one.open()  # no thread is left waiting


async def login(client: AmiClient, *more: tuple[str, str], user: str = "hanna", secret: str = SECRET) -> None:
    await client.greeting()
    await client.action("Login", ("Username", user), ("Secret", secret), ("Events", "off"), *more)


async def test_the_right_secret_gets_in_and_a_wrong_one_does_not() -> None:
    async with lab("a", users=(ANNA, HANNA)) as one:
        hanna = await one.client("hanna", SECRET)
        await hanna.action("Ping", ("Server", "a"), ("ActionID", "1"))
        assert (await hanna.answer("1")).name == b"Success"
        for user, secret in (("hanna", "wrong"), ("hanna", HASH), ("hanna", ""), ("nobody", SECRET)):
            answer = await (await one.connect()).login(user, secret)
            assert answer.get(b"Message") == b"Authentication failed"
        assert HASH not in str(one.lines)
        assert SECRET not in str(one.lines)


async def test_a_challenge_is_refused_with_the_reason() -> None:
    async with lab(users=(ANNA, HANNA)) as one:
        client = await one.connect()
        await client.greeting()
        await client.action("Challenge", ("AuthType", "MD5"))
        await client.frame()
        await client.action("Login", ("AuthType", "MD5"), ("Username", "hanna"), ("Key", "0" * 32))
        reason = "Authentication failed" + NO_KEYS_FOR_HASHES
        assert (await client.frame()).get(b"Message") == reason.encode()
        await one.logged("login_failed", user="hanna", reason=reason)


async def test_others_notice_nothing_while_a_secret_is_checked(gate: Gate) -> None:
    """Nor does the client itself lose anything it sends meanwhile."""
    async with lab("a", users=(ANNA, HANNA)) as one:
        one.app.secret_checks.check = gate.check
        hanna = await one.connect()
        await login(hanna, ("ActionID", "1"))
        await hanna.action("Ping", ("ActionID", "2"))
        await gate.reached()
        await hanna.action("Ping", ("ActionID", "3"))
        anna = await one.client()
        await anna.action("Ping", ("Server", "a"), ("ActionID", "1"))
        assert (await anna.answer("1")).name == b"Success"
        gate.open()
        assert [(await hanna.frame()).get(b"ActionID") for _ in range(3)] == [b"1", b"2", b"3"]


async def test_a_client_that_sends_on_while_it_is_checked_is_not_read(gate: Gate) -> None:
    """What it sends waits in its socket, however much it is."""
    async with lab(users=(ANNA, HANNA)) as one:
        one.app.secret_checks.check = gate.check
        hanna = await one.connect()
        await login(hanna)
        await gate.reached()
        ping = b"Action: Ping\r\n\r\n" * 1000
        sent = 0
        taken = True
        while taken and sent < 64 << 20:
            with trio.move_on_after(0.5) as wait:  # till the socket is full
                await hanna.stream.send_all(ping)
            taken = not wait.cancelled_caught
            sent += len(ping)
        assert not taken
        gate.open()
        assert (await hanna.frame()).get(b"Message") == b"Authentication accepted"


async def test_a_client_that_goes_while_it_is_checked_leaves_nothing(gate: Gate) -> None:
    async with lab(users=(ANNA, HANNA)) as one:
        one.app.secret_checks.check = gate.check
        hanna = await one.connect()
        await login(hanna)
        await gate.reached()
        await hanna.stream.aclose()
        gate.open()
        await one.logged("client_done")
        assert one.app.secret_checks.addresses_waiting == 0
        assert one.app.entrance.admission.connections == 0


async def test_half_a_connection_still_gets_its_answers(gate: Gate) -> None:
    """printf | nc closes its side behind the last action."""
    async with lab(users=(ANNA, HANNA)) as one:
        one.app.secret_checks.check = gate.check
        hanna = await one.connect()
        await login(hanna)
        await hanna.action("Ping", ("ActionID", "2"))
        await hanna.stream.send_eof()
        await gate.reached()
        gate.open()
        assert b"Ping: Pong" in await hanna.rest()


async def test_a_reload_while_a_secret_is_checked_decides(gate: Gate, tmp_path: Path) -> None:
    """The user is gone: what was right is right no more."""
    path = tmp_path / "amp.toml"
    async with lab(users=(ANNA, HANNA), path=path) as one:
        one.app.secret_checks.check = gate.check
        hanna = await one.connect()
        await login(hanna)
        await gate.reached()
        await trio.Path(path).write_text('[[user]]\nname = "bert"\nsecret = "b"\n')
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reloaded")
        gate.open()
        assert (await hanna.frame()).get(b"Message") == b"Authentication failed"


async def test_amp_stops_while_a_secret_is_checked(gate: Gate) -> None:
    async with lab(users=(ANNA, HANNA), limits=Limits(drain_timeout_s=0.1)) as one:
        one.app.secret_checks.check = gate.check
        await login(await one.connect())
        await gate.reached()
        one.stop()
        with trio.fail_after(PATIENCE_S):
            await one.ended.wait()


async def test_who_is_not_served_in_time_is_told_and_not_blamed(gate: Gate) -> None:
    async with lab(users=(ANNA, HANNA), limits=Limits(login_timeout_s=1, exempt=())) as one:
        one.app.secret_checks.check = gate.check
        hanna = await one.connect()
        await login(hanna)
        assert (await hanna.frame()).get(b"Message") == TOO_MANY
        assert await hanna.rest() == b""
        line = await one.logged("login_failed", user="hanna")
        assert (line["reason"], line["failures"]) == (TOO_MANY.decode(), 0)


async def test_http_logins_are_checked_as_well() -> None:
    """By parameters and by Basic, each request anew; the second one of a client costs nothing."""
    asked: list[bytes] = []

    def check(secret: bytes, hashed: str) -> bool:
        asked.append(secret)
        return matches(secret, hashed)

    async with lab(users=(ANNA, HANNA), listen=(Listen(port=0, protocols=("ami", "http")),)) as one:
        one.app.secret_checks.check = check
        browser = await Browser.open(one)
        by_query = query("Ping", Username="hanna", Secret=SECRET)
        pages = [await browser.get(by_query), await browser.get(query("Ping"), basic("hanna", SECRET))]
        pages.append(await browser.get(query("Ping", Username="hanna", Secret="wrong")))
        assert [page.status for page in pages] == [200, 200, 401]
        assert asked == [SECRET.encode(), b"wrong"]


async def test_asterisks_digest_does_not_work_with_a_hash() -> None:
    """It is made of the secret itself, too; nor does an empty secret stand for the one nobody knows."""
    async with lab(users=(ANNA, HANNA), listen=(Listen(port=0, protocols=("ami", "http")),)) as one:
        browser = await Browser.open(one)
        challenge = (await browser.get("/arawman?action=ping")).headers["www-authenticate"]
        parts = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
        for secret in ("", SECRET, HASH):
            ha1 = md5(f"hanna:{parts['realm']}:{secret}")
            ha2 = md5("GET:/arawman?action=ping")
            digest = md5(f"{ha1}:{parts['nonce']}:00000001:c:auth:{ha2}")
            text = (
                f'Digest username="hanna", realm="{parts["realm"]}", nonce="{parts["nonce"]}", qop=auth,'
                f' nc=00000001, cnonce="c", uri="/arawman?action=ping", response="{digest}"'
            )
            page = await (await Browser.open(one)).get("/arawman?action=ping", ("Authorization", text))
            assert page.status == 401


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# -- who waits for whom


def checks(gate: Gate, threads: int, timeout_s: float = PATIENCE_S) -> SecretChecks:
    return SecretChecks(lambda: timeout_s, threads=threads, check=gate.check)


async def test_a_flood_from_one_address_takes_one_place(gate: Gate) -> None:
    """A hundred logins of one address: with two threads somebody else is served at once."""
    these = checks(gate, threads=2)
    async with trio.open_nursery() as nursery:
        for number in range(100):
            unchecked = SecretUnchecked(b"guess%d" % number, HASH)
            nursery.start_soon(these.judge, "192.0.2.1", unchecked)
        await gate.reached()
        nursery.start_soon(these.judge, "192.0.2.2", RIGHT)
        await gate.reached(2)
        await trio.testing.wait_all_tasks_blocked()
        assert gate.begun == 2
        gate.open()
    assert gate.begun == 101
    assert these.addresses_waiting == 0


async def test_who_gave_up_gives_its_turn_to_the_next(gate: Gate) -> None:
    these = checks(gate, threads=2, timeout_s=0.05)
    for count in (1, 2):
        assert await these.judge("192.0.2.1", RIGHT) is None
        await gate.reached(count)  # its thread may begin only now
    assert (gate.begun, these.addresses_waiting) == (2, 0)
    assert await these.judge("192.0.2.1", RIGHT) is None, "both threads are still at it"
    assert gate.begun == 2


async def test_what_was_right_is_not_looked_at_again(gate: Gate) -> None:
    """A wrong one is, each time; and nothing of a secret is kept."""
    gate.open()
    these = checks(gate, threads=1)
    wrong = SecretUnchecked(b"wrong", HASH)
    assert [await these.judge("a", one) for one in (RIGHT, RIGHT, wrong, wrong)] == [True, True, False, False]
    assert gate.begun == 3
    assert SECRET not in repr(these)


async def test_the_memory_of_what_was_right_is_bounded() -> None:
    asked: list[bytes] = []

    def agree(secret: bytes, _hashed: str) -> bool:
        asked.append(secret)
        return True

    these = SecretChecks(lambda: PATIENCE_S, threads=1, check=agree)
    for number in range(1001):
        await these.judge("a", SecretUnchecked(b"%d" % number, HASH))
    await these.judge("a", SecretUnchecked(b"1000", HASH))
    assert len(asked) == 1001, "the latest is known"
    await these.judge("a", SecretUnchecked(b"0", HASH))
    assert len(asked) == 1002, "the oldest is not"


def test_some_cores_are_left_to_others() -> None:
    assert 1 <= thread_count() <= 4
