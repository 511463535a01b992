"""``amp tail`` as a process in front of an amp with simulated Asterisks."""

from __future__ import annotations

import signal
from pathlib import Path

import attrs
import orjson
import pytest
import trio

from amp.cli.tail_socket import MOST_BYTES
from amp.config.schema import Limits, Listen, Proxy
from amp.core.tail.standing import read_places
from certificates import authority
from cli.tailing import WEB, subscribed, tail, tailing, until, url_of, watchers
from ports import unused_port
from shell.harness import AmiClient, Lab, lab

FRESH = Limits(websocket_ping_interval_s=5)


async def say(client: AmiClient, *keys: object, server: str = "a", name: str = "E") -> None:
    """UserEvents, one for each key; they have been told when this is over."""
    for key in keys:
        await client.action("UserEvent", ("UserEvent", name), ("Key", str(key)), ("Server", server))
    await client.action("Ping", ("Server", server), ("ActionID", "told"))
    await client.answer("told")


def keys(lines: list[str]) -> list[str]:
    return [orjson.loads(line)["headers"]["Key"] for line in lines]


async def test_filters_and_the_end_after_a_count() -> None:
    options = ("--servers", "a,nix*", "--events", "user*", "--where", "Key=x*", "--where", "key=y", "--json")
    async with lab("a", "b", listen=WEB) as one, tailing(one, *options, "--count", "3") as tailed:
        client = await one.client(events="off")
        await say(client, "x1", "z", "y", "y2")
        await say(client, "x2", server="b")
        await say(client, "x3", "x4")
        assert await tailed.ended() == 0
    assert keys(tailed.out) == ["x1", "y", "x3"]
    assert {message["server"] for message in tailed.messages} == {"a"}
    assert tailed.err == []


async def test_a_server_that_is_not_there_is_said() -> None:
    async with lab("a", listen=WEB) as one, tailing(one, "--servers", "sim*,b") as tailed:
        await tailed.has(1, err=True)
        assert tailed.err == ["amp tail: no server of this user fits --servers; waiting for one"]


async def test_in_a_pipe_there_are_no_colours_and_hostile_values_stay_on_their_lines() -> None:
    async with lab("a", listen=WEB) as one, tailing(one, "--events", "UserEvent") as tailed:
        one.sims["a"].user_event("E", ("Key", "\x1b[2J\x9b31m a\u202eb"))
        await tailed.has(1)
        tailed.process.terminate()
        assert await tailed.ended() == -signal.SIGTERM
    assert tailed.out[0].endswith(' a UserEvent UserEvent=E Key="\\x1b[2J\\x9b31m a\\u202eb"')
    assert tailed.err == []


async def test_blocks_show_every_header() -> None:
    async with lab("a", listen=WEB) as one, tailing(one, "--events", "UserEvent", "-b") as tailed:
        await say(await one.client(events="off"), "k")
        await tailed.has(6)
    assert tailed.out[0].endswith(" a UserEvent")
    assert tailed.out[1:] == [
        "    Event: UserEvent", "    Privilege: user,all", "    UserEvent: E", "    Key: k", "",
    ]  # fmt: skip


async def test_what_is_cut_again_and_again_prints_every_event_once(tmp_path: Path) -> None:
    """The connection is reset in the middle of events, which go on meanwhile."""
    place = tmp_path / "place"
    options = ("--events", "UserEvent", "--json", "--count", "200", "--save-position", str(place))
    async with lab("a", listen=WEB, limits=FRESH) as one, tailing(one, *options) as tailed:
        client = await one.client(events="off")
        for round_ in range(5):
            await subscribed(one)
            await say(client, *range(round_ * 40, round_ * 40 + 20))
            for watcher in watchers(one):
                watcher.cut("a test")
            await say(client, *range(round_ * 40 + 20, round_ * 40 + 40))
        assert await tailed.ended() == 0
    assert keys(tailed.out) == [str(number) for number in range(200)]
    assert tailed.err == ["amp tail: connection lost: it ended without a word"] * len(tailed.err)
    assert len(tailed.err) >= 4
    last = tailed.messages[-1]
    assert read_places(await trio.Path(place).read_bytes()) == {"a": (last["epoch"], last["seq"])}


async def test_a_saved_position_is_where_the_next_one_begins(tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    options = ("--events", "UserEvent", "--json", "--since", place, "--save-position", place)
    async with lab("a", listen=WEB) as one:
        client = await one.client(events="off")
        await say(client, "before")
        async with tailing(one, *options, "--count", "2") as first:  # there is no such file yet
            await say(client, 0, 1, 2)
            assert await first.ended() == 0
        await say(client, 3, 4)
        async with tailing(one, *options) as second:
            await second.has(3)
            await say(client, 5)
            await second.has(4)
            second.process.send_signal(signal.SIGINT)
            assert await second.ended() == -signal.SIGINT
        await say(client, 6)
        async with tailing(one, *options, "--count", "1") as third:
            assert await third.ended() == 0
        position = await trio.Path(place).read_text()
        await say(client, 7)
        async with tailing(one, "--json", "--events", "UserEvent", "--since", position) as fourth:
            await fourth.has(1)
    assert [keys(tailed.out) for tailed in (first, second, third, fourth)] == [
        ["0", "1"], ["2", "3", "4", "5"], ["6"], ["7"],
    ]  # fmt: skip
    assert (await trio.Path(place).stat()).st_mode & 0o777 == 0o600


async def test_a_position_moves_also_where_nothing_is_to_be_seen(tmp_path: Path) -> None:
    """Else who waits for a rare event would be told of a gap that was none."""
    place = tmp_path / "place"
    options = ("--events", "Rare", "--timeout", "2", "--save-position", str(place))
    async with lab("a", listen=WEB) as one, tailing(one, *options):
        client = await one.client(events="off")
        await say(client, *range(20))
        head = one.app.hub.positions()[b"a"].seq
        await until(lambda: place.exists() and read_places(place.read_bytes())["a"].seq >= head)


async def test_another_run_of_amp_is_a_gap_and_what_it_has_is_told(tmp_path: Path) -> None:
    port = unused_port()
    listen = (WEB[0], attrs.evolve(WEB[1], port=port))
    url = f"ws://127.0.0.1:{port}"
    async with trio.open_nursery() as nursery:
        stop, gone = trio.Event(), trio.Event()
        one = await nursery.start(run_lab, stop, gone, listen)
        async with tailing(url, "--events", "UserEvent", "--json") as tailed:
            await subscribed(one)
            await say(await one.client(events="off"), 1)
            await tailed.has(1)
            stop.set()
            await tailed.has(1, err=True)
            await gone.wait()  # or the other has no signal handlers and no log any more when this one ends
            stop = trio.Event()
            other = await nursery.start(run_lab, stop, gone, listen)
            await say(await other.client(events="off"), 2)
            await tailed.has(3)
        stop.set()
    first, gap, second = tailed.messages
    assert (gap["type"], gap["from"], gap["to"], gap["reason"]) == ("gap", None, None, "new epoch")
    assert (first["headers"]["Key"], second["headers"]["Key"]) == ("1", "2")
    assert first["epoch"] != second["epoch"] == gap["epoch"]
    assert tailed.err[:2] == [
        "amp tail: connection lost: 1001 proxy shutting down",
        "amp tail: a: missed ? to ?: new epoch",
    ]


async def run_lab(
    stop: trio.Event, gone: trio.Event, listen: tuple[Listen, ...], *, task_status: trio.TaskStatus[Lab]
) -> None:
    async with lab("a", listen=listen) as one:
        task_status.started(one)
        await stop.wait()
        one.stop()
        await one.ended.wait()
    gone.set()


async def test_what_the_journal_has_no_more_is_told() -> None:
    async with lab("a", listen=WEB, limits=Limits(journal_bytes=4096)) as one:
        client = await one.client(events="off")
        position = one.app.hub.positions()[b"a"]
        since = orjson.dumps({"a": {"epoch": position.epoch.decode(), "seq": position.seq}}).decode()
        await say(client, *range(200))
        async with tailing(one, "--events", "UserEvent", "--since", since) as tailed:
            await tailed.has(1)
            await tailed.has(1, err=True)
            lost = one.app.hub.journal(b"a").floor - 1
            assert tailed.err == [f"amp tail: a: missed {position.seq + 1} to {lost}: not in journal"]
            assert tailed.out[0].startswith("--:--:-- a UserEvent ")
            await say(client, "now")
            while not tailed.out[-1].endswith("Key=now"):
                await tailed.has(len(tailed.out) + 1)
            assert not tailed.out[-1].startswith("-")


async def test_it_ends_with_who_reads_its_pipe() -> None:
    """Silently, also if there is nothing to write."""
    async with lab("a", listen=WEB) as one, tailing(one) as tailed:
        assert tailed.process.stdout is not None
        await tailed.process.stdout.aclose()
        assert await tailed.ended() == -signal.SIGPIPE
        assert tailed.err == []


async def test_killed_it_does_not_come_back() -> None:
    async with lab("a", listen=WEB) as one, tailing(one) as tailed:
        (watcher,) = watchers(one)
        watcher.close_soon("killed")
        assert await tailed.ended() == 1
    assert tailed.err == ["amp tail: amp has closed the connection: 1000 killed"]


async def test_without_reconnecting_a_loss_is_the_end() -> None:
    async with lab("a", listen=WEB) as one, tailing(one, "--no-reconnect") as tailed:
        (watcher,) = watchers(one)
        watcher.cut("a test")
        assert await tailed.ended() == 1
    assert tailed.err == ["amp tail: connection lost: it ended without a word"]


async def test_who_cannot_sign_in() -> None:
    limits = Limits(connections_per_user=1)
    async with lab("a", listen=WEB, limits=limits) as one:
        url = url_of(one)
        done = await tail(url, AMP_TAIL_SECRET="wrong")
        words = b"cannot sign in as anna: wrong name or secret, or too many sessions of this user"
        assert (done.returncode, done.stderr) == (1, b"amp tail: " + words + b"\n")
        done = await tail(url, AMP_TAIL_USER="")
        assert (done.returncode, done.stderr) == (2, b"amp tail: amp wants a login: give --user\n")
        async with tailing(one):
            done = await tail(url)
            assert done.returncode == 1
            assert b"too many sessions" in done.stderr
        await until(lambda: not watchers(one))
        done = await tail(url + "/nothing")
        assert (done.returncode, done.stderr) == (
            1, f"amp tail: {url}/nothing: 404 Not Found: there is nothing here\n".encode(),
        )  # fmt: skip
        for option, problem in (("--events=" + "*" * 9, b"8 stars"), ("--where=\x7f=x", b"where: ")):
            done = await tail(url, option)
            assert (done.returncode, problem in done.stderr) == (2, True), done.stderr
        epoch = one.app.hub.positions()[b"a"].epoch.decode()
        made_up = orjson.dumps({"a": {"epoch": epoch, "seq": 99999}}).decode()
        done = await tail(url, "--since", made_up)
        assert (done.returncode, b"since: expected a position of a up to" in done.stderr) == (2, True)
        missing = await tail(url, "--save-position", "/no/such/place")
        assert (missing.returncode, missing.stderr) == (
            1, b"amp tail: cannot write /no/such/place: No such file or directory\n",
        )  # fmt: skip


async def test_where_nobody_has_to_sign_in() -> None:
    proxy = Proxy(name="lab", authentication="none")
    async with lab("a", listen=WEB, proxy=proxy) as one, tailing(one, AMP_TAIL_USER="") as tailed:
        one.sims["a"].user_event("E", ("Key", "k"))
        await tailed.has(1)


async def test_an_amp_that_says_nothing_is_given_up() -> None:
    """At each stage: no handshake, no answer to the login, none to a ping."""
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, _swallow, listener)
        url = f"ws://127.0.0.1:{listener[0].socket.getsockname()[1]}"
        done = await tail(url, "--timeout", "0.3")
        assert (done.returncode, done.stderr.decode()) == (
            1, f"amp tail: {url}/ws: no answer within 0.3 s\n",
        )  # fmt: skip
        nursery.cancel_scope.cancel()
    async with lab("a", listen=WEB) as one, tailing(one, "--timeout", "2", "--no-reconnect") as tailed:
        (watcher,) = watchers(one)
        watcher.outlet.detach()  # whatever it is asked, amp says nothing any more
        assert await tailed.ended() == 1
    assert tailed.err == ["amp tail: connection lost: no answer within 2 s"]


async def _swallow(stream: trio.SocketStream) -> None:
    async for _ in stream:
        pass


async def test_tls_with_an_authority_without_and_with_a_configuration(tmp_path: Path) -> None:
    certificate, key = authority().issue(tmp_path, "localhost")
    listen = (WEB[0], attrs.evolve(WEB[1], tls="required", certificate=certificate, private_key=key))
    async with lab("a", listen=listen) as one:
        port = one.port_of(1)
        url = f"wss://localhost:{port}"
        config = tmp_path / "amp.toml"
        config.write_text(
            f'[[listen]]\nport = {port}\nprotocols = ["websocket"]\ntls = "required"\n'
            f'certificate = "{certificate}"\nprivate_key = "{key}"\n'
            '[[user]]\nname = "anna"\nsecret = "anna\'s"\n'
        )
        done = await tail(url, "--count", "1")
        assert done.returncode == 1
        assert b": certificate: unable to get local issuer certificate" in done.stderr
        done = await tail(url.replace("localhost", "127.0.0.1"), "--ca", str(authority().write(tmp_path)))
        assert b"IP address mismatch" in done.stderr
        for arguments in (
            [url, "--ca", str(authority().write(tmp_path))],
            [url.replace("localhost", "127.0.0.1"), "--insecure"],
            [str(config)],
        ):
            own = {"AMP_TAIL_USER": "", "AMP_TAIL_SECRET": ""} if len(arguments) == 1 else {}
            async with tailing(arguments[0], *arguments[1:], **own) as tailed:
                await subscribed(one)
                one.sims["a"].user_event("E", ("Key", "k"))
                await tailed.has(1)
            await until(lambda: not watchers(one))


async def test_tls_where_there_is_none_says_so() -> None:
    async with lab("a", listen=WEB) as one:
        done = await tail(url_of(one).replace("ws:", "wss:"), "--count", "1")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.endswith(b": TLS: wrong version number: is it ws:// there?\n")


async def test_a_unix_socket_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "amp.sock"
    config = tmp_path / "amp.toml"
    config.write_text(
        f'[[listen]]\nunix = "{path}"\nprotocols = ["websocket"]\n[[user]]\nname = "bob"\nsecret = "b"\n'
        '[[user]]\nname = "anna"\nsecret_hash = "$2b$04$' + "a" * 53 + '"\n'
    )
    async with lab("a", listen=(Listen(unix=path, protocols=("websocket",)),)) as one:
        async with tailing("", "--events", "UserEvent", AMP_CONFIG=str(config)) as tailed:
            await subscribed(one)
            one.sims["a"].user_event("E", ("Key", "k"))
            await tailed.has(1)
        done = await tail(str(config), AMP_TAIL_USER="")
        assert (done.returncode, done.stderr) == (
            2, b"amp tail: options: expected --user: the configuration has bob, anna\n",
        )  # fmt: skip
        done = await tail(str(config), AMP_TAIL_SECRET="")
        words = b"amp tail: options: no secret of anna: give --secret-file or AMP_TAIL_SECRET\n"
        assert (done.returncode, done.stderr) == (2, words)
        done = await tail(str(config), "--user", "ann", AMP_TAIL_SECRET="")
        words = b"amp tail: options: there is no user ann: the configuration has bob, anna\n"
        assert (done.returncode, done.stderr) == (2, words)
        secret = tmp_path / "secret"
        secret.write_text("anna's\n")
        done = await tail(str(config), "--secret-file", str(secret), "--events", "x", "--timeout", "nan")
        assert done.returncode == 2
        async with tailing(str(config), "--secret-file", str(secret), AMP_TAIL_SECRET="wrong"):
            await subscribed(one)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://x"], "options: expected ws://HOST:PORT or wss://HOST:PORT"),
        (["ws://x:y"], "options: expected ws://HOST:PORT or wss://HOST:PORT"),
        (["ws://x?secret=y"], "options: expected ws://HOST:PORT or wss://HOST:PORT"),
        (["ws://anna:canary@x"], "options: expected no name or secret in the address: others see it"),
        (["ws://x", "--ca", "/nix"], "options: --ca and --insecure are for wss://"),
        (["wss://x", "--ca", "/nix"], "options: --ca: cannot read: No such file or directory"),
        (["ws://x", "--where", "Channel"], "--where Channel: expected HEADER=GLOB"),
        (["ws://x", "--since", "/nix"], "--since /nix: there is no such file"),
        (["ws://x", "--since", "/"], "--since /: cannot read: Is a directory"),
        (["ws://x", "--since", "{}x"], '--since {}x: expected positions such as {"pbx1":'),
        (["ws://x", "--secret-file", "/nix"], "options: cannot read the file "),
        (["ws://x", "--json", "--block"], "--json or --block, not both"),
        (["/nix.toml"], "/nix.toml: cannot read: No such file or directory"),
        (["pbx:5038"], "options: there is no file pbx:5038; an address begins with ws:// or wss://"),
    ],
)  # fmt: skip
async def test_what_cannot_be_meant(arguments: list[str], words: str) -> None:
    done = await tail(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode().startswith(f"amp tail: {words}")
    assert b"canary" not in done.stderr


async def test_without_a_listener_that_can_be_told(tmp_path: Path) -> None:
    config = tmp_path / "amp.toml"
    user = '[[user]]\nname = "anna"\nsecret = "anna\'s"\n'
    for listen, words in (
        ("", "there is none"),
        ('port = 0\nprotocols = ["websocket"]', "its address is not"),
    ):
        config.write_text(f"[[listen]]\n{listen}\n{user}")
        done = await tail(str(config))
        assert done.returncode == 2
        assert f'no [[listen]] with protocols = ["websocket"]: {words}' in done.stderr.decode()


def test_the_largest_event_that_amp_takes_fits_a_message() -> None:
    """With its bytes as escapes: six letters each."""
    assert 6 * Limits().max_frame_bytes < MOST_BYTES
