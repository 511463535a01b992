"""Asterisk's own TLS port: what clients see through it, and which of its certificates amp refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from certificates import authority
from real.amp_process import Upstream, open_amp
from real.asterisk import ROOT, Asterisk
from real.calls import calls_over, event_stream, hang_up_all, make_calls
from real.oracle import signed_in
from real.streams import Window, assert_same_events, mark, seen_by_client, seen_by_oracle, wait_window

pytestmark = pytest.mark.asterisk

CERTIFICATE = ROOT / "srv/amp-tests/cert.pem"
"""Signed by itself, for localhost and 127.0.0.1 (provision.sh)."""

VERIFY = f'tls = "verify"\nca = "{CERTIFICATE}"'


@pytest.mark.parametrize("sessions", ["split", "single"])
async def test_calls_over_tls_look_as_without(
    sessions: str, asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """Every event once and in order while calls run, and answers to actions among them."""
    ports = asterisks["plain"].ports
    upstream = Upstream(name="plain", port=ports.ami_tls, sessions=sessions, more=VERIFY)
    async with (
        open_amp(tmp_path, [upstream]) as amp,
        amp.client() as client,
        amp.client(events="off") as asker,
        signed_in(ports.ami) as oracle,
        signed_in(ports.ami, events="off") as control,
        signed_in(ports.ami, events="off") as ticker,
    ):
        window = Window.at("plain")
        await hang_up_all(control)
        await mark(control, window, "begin")
        async with event_stream(ticker, 100, "x" * 900):
            await make_calls(control, 20)
            for _ in range(20):
                assert (await asker.ask("CoreShowChannels")).is_response("Success")
            await calls_over(control)
        await mark(control, window, "end")
        await wait_window([client, oracle], [window])
        expected = seen_by_oracle(oracle, window)
        assert len(expected) > 500
        assert_same_events(expected, seen_by_client(client, window), "over TLS")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            f'{VERIFY}\nserver_name = "pbx.example"',
            "Hostname mismatch, certificate is not valid for 'pbx.example'",
        ),
        ('tls = "verify"', "signed by another CA than those we trust (self-signed certificate)"),
        (
            'tls = "verify"\nca = "ca.pem"',
            "signed by another CA than those we trust (self-signed certificate)",
        ),
    ],
)
async def test_a_refused_certificate_is_told_and_nothing_is_sent(
    settings: str, reason: str, asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """The log says why, again at each try, and other servers work."""
    ports = asterisks["plain"].ports
    authority().write(tmp_path)
    wrong = f"""
[[server]]
name = "wrong"
host = "127.0.0.1"
port = {ports.ami_tls}
username = "amp"
secret = "secret"
{settings}
"""
    right = Upstream(name="plain", port=ports.ami)
    async with open_amp(tmp_path, [right], users=wrong) as amp:
        line = await amp.wait_log("link_lost", server="wrong")
        assert line["reason"] == f"TLS: the certificate is refused: {reason}"
        async with amp.client(events="off") as client:
            answer = await client.ask("Ping", ("Server", "wrong"))
            assert answer.is_response("Error")
            assert reason.encode() in (answer.get("Message") or b"")


async def test_an_insecure_server_and_a_pair_over_tls(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """A host that cannot be reached is passed over; the certificate of the other is not looked at."""
    port = asterisks["plain"].ports.ami_tls
    pair = f"""
[[server]]
name = "pair"
hosts = ["127.0.0.9", "localhost"]
port = {port}
username = "amp"
secret = "secret"
tls = "insecure"
"""
    right = Upstream(name="dressed", port=asterisks["dressed"].ports.ami)
    async with open_amp(tmp_path, [right], users=pair) as amp:
        await amp.wait_log("server_up", server="pair", host="localhost")
        async with amp.client(events="off") as client:
            assert (await client.ask("Ping", ("Server", "pair"))).get("Ping") == b"Pong"


async def test_tls_on_both_sides_with_the_systems_openssl(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """``openssl s_client`` asks the real Asterisk through amp; its secret crosses no wire in clear text."""
    certificate, key = authority().issue(tmp_path, "localhost")
    ca = authority().write(tmp_path)
    upstream = Upstream(name="plain", port=asterisks["plain"].ports.ami_tls, more=VERIFY)
    listen = f'[[listen]]\nport = 0\ntls = "required"\ncertificate = "{certificate}"\nprivate_key = "{key}"\n'
    says = (
        b"Action: Login\r\nUsername: client\r\nSecret: client secret\r\nEvents: off\r\n\r\n"
        b"Action: CoreSettings\r\nActionID: c\r\n\r\nAction: Logoff\r\n\r\n"
    )
    async with open_amp(tmp_path, [upstream], users=listen) as amp:
        address = (await amp.wait_log("ready"))["listen"][1]
        command = ["openssl", "s_client", "-connect", address, "-CAfile", str(ca), "-quiet"]
        command += ["-verify_return_error", "-verify_hostname", "localhost"]
        with trio.fail_after(60):
            done = await trio.run_process(command, stdin=says, capture_stdout=True, stderr=subprocess.DEVNULL)
    assert b"ActionID: c\r\n" in done.stdout
    assert b"AsteriskVersion: " in done.stdout
    assert done.stdout.endswith(b"Thanks for all the fish.\r\n\r\n")
