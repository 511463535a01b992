"""TLS for clients through the whole proxy: who gets it, who does not, and what the log says."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
from functools import partial
from pathlib import Path

import pytest
import trio

from amp.config.certificates import server_context
from amp.config.schema import Limits, Listen, Proxy
from amp.shell.contexts import ReloadableContext
from certificates import authority
from shell.harness import PATIENCE_S, AmiClient, Lab, lab

HELLO = bytes.fromhex("1603010200010001fc0303")


def listen(folder: Path, tls: str = "required") -> tuple[Listen]:
    certificate, key = authority().issue(folder, "localhost", "127.0.0.1")
    return (Listen(port=0, tls=tls, certificate=certificate, private_key=key),)  # type: ignore[arg-type]  # a Literal


async def connect_tls(one: Lab, listener: int = 0) -> AmiClient:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority().text)
    raw = await trio.open_tcp_stream("127.0.0.1", one.port_of(listener))
    stream = trio.SSLStream(raw, context, server_hostname="localhost")
    with trio.fail_after(PATIENCE_S):
        await stream.do_handshake()
    client = AmiClient(stream)
    one.clients.append(client)
    return client


async def s_client(port: int, folder: Path, *options: str, says: bytes = b"") -> tuple[int, bytes]:
    """The system's openssl as a client that verifies; its exit code and what it printed."""
    ca = authority().write(folder)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(ca), "-quiet"]
    command += ["-verify_return_error", "-verify_hostname", "localhost", *options]
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            command, stdin=says, capture_stdout=True, stderr=subprocess.DEVNULL, check=False
        )
    return done.returncode, done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("tls", ["required", "optional"])
async def test_the_systems_openssl_signs_in_and_gets_answers(tmp_path: Path, tls: str, version: str) -> None:
    """It verifies chain and name, and gets the orderly end that TLS has."""
    says = (
        b"Action: Login\r\nUsername: anna\r\nSecret: anna's\r\nEvents: off\r\n\r\n"
        b"Action: CoreStatus\r\nActionID: c\r\n\r\nAction: Logoff\r\n\r\n"
    )
    async with lab("a", listen=listen(tmp_path, tls)) as one:
        code, heard = await s_client(one.port, tmp_path, version, says=says)
        assert heard.startswith(b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n")
        assert b"ActionID: c\r\n" in heard
        assert heard.endswith(b"Thanks for all the fish.\r\n\r\n")
        assert code == 0


async def test_plain_and_tls_share_a_port_and_see_the_same(tmp_path: Path) -> None:
    """Plain clients wait for the greeting, or do not wait; both come in."""
    proxy = Proxy(name="lab", detect_timeout_s=0.5)
    async with lab("a", listen=listen(tmp_path, "optional"), proxy=proxy) as one:
        secure, patient, hasty = await connect_tls(one), await one.connect(), await one.connect()
        await hasty.action("Login", ("Username", "anna"), ("Secret", "anna's"), ("ActionID", "1"))
        assert (await hasty.until(lambda frame: frame.get(b"ActionID") == b"1")).get(b"Message")
        for client in (secure, patient):
            assert (await client.login()).name == b"Success"
        one.sims["a"].user_event("ForAll", ("Key", "x" * 900))
        seen = [(await client.event("UserEvent")).headers for client in (secure, patient, hasty)]
        assert seen[0] == seen[1] == seen[2]


async def test_a_burst_arrives_whole_over_tls(tmp_path: Path) -> None:
    async with lab("a", listen=listen(tmp_path)) as one:
        secure = await connect_tls(one)
        await secure.login()
        await secure.event("FullyBooted")

        async def flood() -> None:
            await one.sims["a"].burst(20_000)
            one.sims["a"].user_event("Last")

        one.nursery.start_soon(flood)
        count = 0
        while (await secure.frame()).get(b"UserEvent") != b"Last":
            count += 1
        assert count == 20_000


@pytest.mark.parametrize(
    ("tls", "says", "reason"),
    [
        ("required", b"Action: Ping\r\n\r\n", "TLS: the peer does not speak TLS on this port"),
        ("required", b"GET / HTTP/1.1\r\n\r\n", "TLS: the peer sent an HTTP request in plain text"),
        ("required", b"", "TLS: no handshake within 0.3 s"),
        ("required", HELLO, "TLS: no handshake within 0.3 s"),
        ("optional", HELLO, "TLS: no handshake within 0.3 s"),
        ("off", HELLO, "a TLS hello where plain text is spoken"),
    ],
)
async def test_who_speaks_otherwise_is_told_apart_and_never_hangs(
    tmp_path: Path, tls: str, says: bytes, reason: str
) -> None:
    """The connection ends, and the one line about it says why."""
    limits = Limits(login_timeout_s=0.3)
    listeners = listen(tmp_path, tls) if tls != "off" else (Listen(port=0),)
    async with lab("a", listen=listeners, limits=limits) as one:
        client = await one.connect()
        if says:
            await client.stream.send_all(says)
        await client.rest()
        await one.logged("client_done" if tls == "off" else "connection_not_opened", reason=reason)


async def test_a_peer_that_leaves_before_it_says_anything(tmp_path: Path) -> None:
    for tls, reason in (
        ("optional", "closed before it said anything"),
        ("required", "TLS: the peer closed the connection during the handshake"),
    ):
        async with lab("a", listen=listen(tmp_path, tls)) as one:
            client = await one.connect()
            assert isinstance(client.stream, trio.SocketStream)
            await client.stream.send_eof()
            assert await client.rest() == b""
            await one.logged("connection_not_opened", reason=reason)


async def test_old_versions_of_tls_are_refused_with_a_reason(tmp_path: Path) -> None:
    async with lab("a", listen=listen(tmp_path)) as one:
        code, heard = await s_client(one.port, tmp_path, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        assert (code, heard) == (1, b"")
        line = await one.logged("connection_not_opened")
        assert line["reason"] == "TLS: the peer has no TLS version that we take (1.2 and up)"


async def test_a_client_that_does_not_trust_us_says_so_in_our_log(tmp_path: Path) -> None:
    async with lab("a", listen=listen(tmp_path)) as one:
        code, _ = await s_client(one.port, tmp_path, "-tls1_2", "-verify_hostname", "pbx.example")
        assert code == 1
        line = await one.logged("connection_not_opened")
        assert str(line["reason"]).startswith("TLS: the peer refused the certificate")


async def test_handshakes_count_as_connections_and_give_way(tmp_path: Path) -> None:
    """Who opens connections and never shakes hands pushes out nobody that signs in."""
    async with lab("a", listen=listen(tmp_path), limits=Limits(strangers=2)) as one:
        silent = [await one.connect() for _ in range(4)]
        secure = await connect_tls(one)
        assert (await secure.login()).name == b"Success"
        for client in silent[:3]:
            assert await client.rest() == b""


def test_a_context_follows_its_files_and_keeps_the_last_that_worked(tmp_path: Path) -> None:
    certificate, key = authority().issue(tmp_path, "localhost")
    context = ReloadableContext(partial(server_context, certificate, key), "listen[2]")
    first = context.current
    context.reload()
    second = context.current
    assert second is not first
    key.unlink()
    problem = re.escape("listen[2].private_key: cannot read: No such file or directory")
    with pytest.raises(ValueError, match=problem):
        context.reload()
    assert context.current is second
    with pytest.raises(ValueError, match=problem):
        ReloadableContext(partial(server_context, certificate, key), "listen[2]")


async def test_a_new_certificate_is_taken_at_sighup_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    """Connections that stand keep standing."""
    path = tmp_path / "amp.toml"
    path.write_text(
        '[[listen]]\nport = 0\ntls = "required"\ncertificate = "server.pem"\nprivate_key = "server.key"\n'
        '[[user]]\nname = "anna"\nsecret = "anna\'s"\nread = ["all"]\nwrite = ["all"]\n'
    )

    async def hang_up(one: Lab, outcome: str) -> None:
        one.lines.clear()
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged(outcome)

    def serial(client: AmiClient) -> str:
        assert isinstance(client.stream, trio.SSLStream)
        return str(client.stream.getpeercert()["serialNumber"])

    async with lab("a", listen=listen(tmp_path), path=path) as one:
        first = await connect_tls(one)
        await first.login(events="off")
        authority().issue(tmp_path, "localhost")
        await hang_up(one, "reloaded")
        second = await connect_tls(one)
        assert serial(first) != serial(second)
        await trio.Path(tmp_path / "server.key").write_text("no key")
        await hang_up(one, "reload_refused")
        problem = await one.logged("reload_problem")
        assert problem["problem"] == "listen[0].private_key: expected a private key in PEM"
        assert serial(await connect_tls(one)) == serial(second)
        await first.action("Ping", ("ActionID", "1"))
        assert (await first.answer("1")).name == b"Success"
