"""Towards servers: TLS with every kind of certificate, and the hosts of a pair in their order."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from amp.config.certificates import client_context
from amp.config.schema import AsteriskServer
from amp.config.secret import Secret
from amp.shell.contexts import ReloadableContext
from amp.shell.reach import Reach
from amp.sim.asterisk import SimAsterisk
from certificates import Authority, authority
from ports import unused_port
from shell.harness import PATIENCE_S, lab, server

SELF_SIGNED = (
    *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-subj", "/CN=old.example", "-days", "9"),
)


@asynccontextmanager
async def s_server(certificate: Path, key: Path) -> AsyncIterator[int]:
    """The system's openssl as a TLS server; its port."""
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(certificate), "-key", str(key)]
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        said = b""
        with trio.fail_after(PATIENCE_S):
            while (ready := re.search(rb"ACCEPT 127\.0\.0\.1:(\d+)\n", said)) is None:
                said += await process.stdout.receive_some(1000)
        yield int(ready[1])
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await process.stdout.aclose()
            await process.stdin.aclose()


def reach(port: int, ca: Path | None, *, verify: bool = True, name: str | None = None) -> Reach:
    context = ReloadableContext(partial(client_context, ca, verify=verify), "server[0]")
    return Reach(hosts=("127.0.0.1",), port=port, timeout_s=5, context=context, server_name=name)


async def outcome(one: Reach) -> str:
    """What protects the connection, or why there is none."""
    try:
        wire = await one.lead()
    except OSError as error:
        return str(error)
    wire.close()
    return wire.tls


@pytest.mark.parametrize(
    ("hosts", "days", "name", "reason"),
    [
        (("127.0.0.1",), (-1, 9), None, "TLSv1.3"),
        (("pbx.example",), (-1, 9), "pbx.example", "TLSv1.3"),
        (("pbx.example",), (-1, 9), None, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        (
            ("127.0.0.1",),
            (-1, 9),
            "pbx.example",
            "Hostname mismatch, certificate is not valid for 'pbx.example'",
        ),
        (("127.0.0.1",), (-9, -1), None, "certificate has expired"),
        (("127.0.0.1",), (1, 9), None, "certificate is not yet valid"),
    ],
)
async def test_a_servers_certificate_is_verified_and_refused_with_the_reason(
    tmp_path: Path, hosts: tuple[str, ...], days: tuple[float, float], name: str | None, reason: str
) -> None:
    """Against the system's openssl; ``insecure`` takes any of them."""
    ca = authority().write(tmp_path)
    async with s_server(*authority().issue(tmp_path, *hosts, days=days)) as port:
        told = await outcome(reach(port, ca, name=name))
        assert told == (reason if reason == "TLSv1.3" else f"TLS: the certificate is refused: {reason}")
        assert await outcome(reach(port, None, verify=False)) == "TLSv1.3"


async def test_another_ca_is_refused(tmp_path: Path) -> None:
    """Also that of the system's trust store."""
    ca = Authority("Other CA").write(tmp_path)
    prefix = "TLS: the certificate is refused: signed by another CA than those we trust ("
    async with s_server(*authority().issue(tmp_path, "127.0.0.1")) as port:
        assert (await outcome(reach(port, ca))).startswith(prefix)
        assert (await outcome(reach(port, None))).startswith(prefix)


async def test_a_self_signed_certificate_may_be_trusted_by_itself(tmp_path: Path) -> None:
    """As Asterisk's own script makes them: a common name and no alternative one."""
    certificate, key = tmp_path / "self.pem", tmp_path / "self.key"
    command = ["openssl", *SELF_SIGNED, "-keyout", str(key), "-out", str(certificate)]
    await trio.run_process(command, capture_stderr=True)
    async with s_server(certificate, key) as port:
        assert await outcome(reach(port, certificate, name="old.example")) == "TLSv1.3"
        assert "mismatch" in await outcome(reach(port, certificate))


async def test_a_leaf_may_be_trusted_without_its_ca(tmp_path: Path) -> None:
    certificate, key = authority().issue(tmp_path, "127.0.0.1")
    async with s_server(certificate, key) as port:
        assert await outcome(reach(port, certificate)) == "TLSv1.3"


async def test_a_server_without_tls_is_told_apart() -> None:
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(SimAsterisk(name="plain").serve)
        assert await outcome(reach(port, None)) == "TLS: the peer does not speak TLS on this port"
        nursery.cancel_scope.cancel()


async def test_a_server_that_takes_the_connection_and_says_nothing(tmp_path: Path) -> None:
    """The handshake is within the time for connecting."""
    (silent,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    one = reach(silent.socket.getsockname()[1], None)
    one.timeout_s = 0.1
    assert await outcome(one) == "no connection within 0.1 s"
    await silent.aclose()


@asynccontextmanager
async def tls_before(port: int, certificate: Path, key: Path) -> AsyncIterator[int]:
    """A TLS port in front of a plain one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def copy(source: trio.abc.ReceiveStream, sink: trio.abc.SendStream, end: trio.CancelScope) -> None:
        try:
            async for data in source:
                await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        end.cancel()

    async def relay(near: trio.SSLStream[trio.SocketStream]) -> None:
        far = await trio.open_tcp_stream("127.0.0.1", port)
        async with far, trio.open_nursery() as nursery:
            nursery.start_soon(copy, near, far, nursery.cancel_scope)
            nursery.start_soon(copy, far, near, nursery.cancel_scope)
        await trio.aclose_forcefully(near)

    (plain,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listeners = [trio.SSLListener(plain, context)]
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, relay, listeners)
        yield plain.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("sessions", ["split", "single"])
async def test_events_and_answers_of_a_server_over_tls(tmp_path: Path, sessions: str) -> None:
    """A burst arrives whole; an action is answered; the log is as without TLS."""
    ca = authority().write(tmp_path)
    sim = SimAsterisk(name="secure", write_timeout_s=30)
    async with trio.open_nursery() as nursery:
        _, plain_port = await nursery.start(sim.serve)
        async with tls_before(plain_port, *authority().issue(tmp_path, "127.0.0.1")) as port:
            one_server = server("secure", port, tls="verify", ca=ca, sessions=sessions)
            async with lab(extra=(one_server,)) as one:
                await one.logged("server_up", server="secure")
                anna = await one.client()
                await anna.event("FullyBooted")
                await anna.action("CoreStatus", ("ActionID", "1"))
                assert (await anna.answer("1")).name == b"Success"
                await sim.burst(10_000)
                sim.user_event("Last")
                count = 0
                while (await anna.frame()).get(b"UserEvent") != b"Last":
                    count += 1
                assert count == 10_000
        nursery.cancel_scope.cancel()


async def test_why_a_certificate_was_refused_reaches_log_and_clients(tmp_path: Path) -> None:
    async with s_server(*authority().issue(tmp_path, "127.0.0.1", days=(-9, -1))) as port:
        pbx = server("late", port, tls="verify", ca=authority().write(tmp_path))
        async with lab(extra=(pbx,)) as one:
            reason = "TLS: the certificate is refused: certificate has expired"
            await one.logged("link_lost", server="late", reason=reason)
            anna = await one.client(events="off")
            await anna.action("CoreStatus", ("ActionID", "1"))
            answer = await anna.answer("1")
            assert (answer.name, answer.get(b"Server")) == (b"Error", b"late")
            assert b"certificate has expired" in (answer.get(b"Message") or b"")


# -- pairs of hosts ----------------------------------------------------------------------------------------


def pair_of(port: int, *hosts: str) -> AsteriskServer:
    return AsteriskServer(
        name="pair", hosts=hosts, port=port, username="amp", secret=Secret("secret"),
        reconnect_first_s=0.1, reconnect_max_s=0.2,
    )  # fmt: skip


async def test_the_first_host_that_works_is_taken_and_told(tmp_path: Path) -> None:
    """Standby while the active one is down; the active one again at the next connection."""
    standby, active = SimAsterisk(name="standby"), SimAsterisk(name="active")
    async with trio.open_nursery() as nursery:
        port = unused_port()
        await nursery.start(partial(standby.serve, "127.0.0.2", port))
        async with lab(extra=(pair_of(port, "127.0.0.1", "127.0.0.2"),)) as one:
            await one.logged("server_up", server="pair", host="127.0.0.2")
            anna = await one.client()
            await anna.event("FullyBooted")
            await anna.action("CoreStatus", ("ActionID", "1"), ("Server", "127.0.0.1"))
            assert (await anna.answer("1")).get(b"Server") == b"pair"
            await nursery.start(partial(active.serve, "127.0.0.1", port))
            standby.faults.drop()
            await anna.event("ServerDown")
            assert (await anna.event("ServerUp")).get(b"Host") == b"127.0.0.1"
            await anna.action("CoreStatus", ("ActionID", "2"))
            await anna.answer("2")
            assert (len(active.sessions), len(standby.sessions)) == (2, 0)
        nursery.cancel_scope.cancel()


async def test_a_host_that_lets_nobody_in_is_passed_over() -> None:
    """It accepts connections and refuses the login, as a standby may."""
    refusing, working = SimAsterisk(name="refusing"), SimAsterisk(name="working")
    refusing.faults.refuse_logins = True
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(refusing.serve, "127.0.0.1", 0))
        await nursery.start(partial(working.serve, "127.0.0.2", port))
        async with lab(extra=(pair_of(port, "127.0.0.1", "127.0.0.2"),)) as one:
            await one.logged("login_refused", server="pair")
            await one.logged("server_up", server="pair", host="127.0.0.2")
        nursery.cancel_scope.cancel()


async def test_when_no_host_answers_the_reason_names_each() -> None:
    async with lab(extra=(pair_of(1, "127.0.0.1", "nowhere.invalid"),)) as one:
        line = await one.logged("link_lost", server="pair")
        first, second = str(line["reason"]).split("; ")
        assert first == "127.0.0.1: Connection refused"
        assert second.startswith("nowhere.invalid: ")
