"""``amp doctor`` at simulated servers that have something wrong with them."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from amp.config.schema import AsteriskServer, Config, Listen, User, VoipmonitorServer
from amp.config.secret import Secret
from amp.config.secret_files import SECRET_KEYS
from amp.core.doctor.finding import Finding, State
from amp.shell.doctor.everything import examine
from amp.sim.asterisk import SimAsterisk
from amp.sim.sniffer.sniffer import SimSniffer
from certificates import authority
from ports import refusing_port
from shell.harness import PATIENCE_S, server
from shell.sniffing import KEY, OTHER_KEY, configured
from shell.test_reach import tls_before

USER = User(name="anna", secret=Secret("anna's"), write=("system", "call", "originate", "user", "command"))


async def look(
    *servers: AsteriskServer | VoipmonitorServer, timeout_s: float = 5.0, **more: Any
) -> list[Finding]:
    """All findings about them; this machine's are left out unless ``whole``."""
    whole, path = more.pop("whole", False), more.pop("path", Path("no-such-folder/config.toml"))
    more.setdefault("listen", ())
    config = Config(server=servers, user=(USER,), **more)
    with trio.fail_after(PATIENCE_S):
        findings = await examine(config, path, timeout_s, lambda done, total: None)
    return (
        findings if whole else [one for one in findings if one.check not in ("file", "port", "descriptors")]
    )


def states(findings: list[Finding]) -> dict[str, State]:
    """By check; a test asks for one server only."""
    assert max(Counter(one.check for one in findings).values()) == 1
    return {one.check: one.state for one in findings}


def the(check: str, findings: list[Finding]) -> Finding:
    (found,) = (one for one in findings if one.check == check)
    return found


@contextlib.asynccontextmanager
async def asterisk(**settings: Any) -> AsyncIterator[tuple[SimAsterisk, int]]:
    sim = SimAsterisk(**settings)
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        yield sim, port
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def sniffer(**settings: Any) -> AsyncIterator[tuple[SimSniffer, int]]:
    sim = SimSniffer(**settings)
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        yield sim, port
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


# -- Asterisks -------------------------------------------------------------------------------------------


async def test_a_healthy_asterisk_is_signed_in_to_once_and_keeps_its_calls() -> None:
    async with asterisk(calls_per_second=5.0) as (sim, port):
        findings = await look(server("a", port))
        assert sim.sessions_taken == 1
        assert {one.state for one in findings} == {State.OK}, findings
        assert [one.check for one in findings] == ["reach", "login", "reads", "writes", "clock"]
        assert "Asterisk 22" in the("login", findings).found


async def test_a_refused_login_shows_no_secret() -> None:
    async with asterisk() as (sim, port):
        sim.faults.refuse_logins = True
        wrong = attrs.evolve(server("a", port), secret=Secret("hunter2"))
        findings = await look(wrong)
        assert states(findings) == {"reach": State.OK, "login": State.FAIL}
        assert "refused: Authentication failed" in the("login", findings).found
        assert "hunter2" not in repr(findings)


async def test_rights_that_are_missing_are_named() -> None:
    async with asterisk() as (sim, port):
        sim.add_user("poor", "secret", read="call", write="call,user")
        findings = await look(attrs.evolve(server("a", port), username="poor", secret=Secret("secret")))
        assert "FullyBooted" in the("reads", findings).found
        assert "originate" in the("writes", findings).found
        assert "call" not in the("writes", findings).advice


async def test_a_clock_that_is_wrong() -> None:
    async with asterisk(started_at=1_000_000_000.0) as (_, port):
        findings = await look(server("a", port))
        assert "behind" in the("clock", findings).found


async def test_an_asterisk_that_is_not_there() -> None:
    with refusing_port() as port:
        findings = await look(server("a", port))
    assert states(findings) == {"reach": State.FAIL}
    assert "Connection refused" in findings[0].found


async def test_an_asterisk_that_hangs_ends_at_the_deadline() -> None:
    async with silent() as port:
        findings = await look(server("a", port), timeout_s=1)
        assert states(findings) == {"reach": State.OK, "login": State.FAIL}
        assert "no answer within 1 s" in the("login", findings).found


async def test_what_is_no_asterisk() -> None:
    async with sniffer() as (_, port):
        findings = await look(server("a", port), timeout_s=0.5)
        assert the("login", findings).state is State.FAIL


async def test_every_host_is_tried_and_one_login_is_enough() -> None:
    async with asterisk() as (sim, port):
        both = attrs.evolve(server("a", port), host=None, hosts=("127.0.0.2", "127.0.0.1"))
        findings = await look(both)
        reached = [one for one in findings if one.check == "reach"]
        assert len(reached) == 2
        assert sim.sessions_taken == 1 + (reached[0].state is State.OK)
        assert len([one for one in findings if one.check == "login"]) == 1


@pytest.mark.parametrize(
    ("days", "trusted", "state", "says"),
    [
        ((-1, 100), True, State.OK, "for 127.0.0.1"),
        ((-9, -2), True, State.FAIL, "expired"),
        ((-1, 3), True, State.WARN, "expires in 2 days"),
        ((-1, 100), False, State.FAIL, "another CA"),
    ],
)
async def test_certificates_of_asterisks(
    tmp_path: Path, days: tuple[float, float], trusted: bool, state: State, says: str
) -> None:
    ca = authority().write(tmp_path) if trusted else None
    async with (
        asterisk() as (_, plain),
        tls_before(plain, *authority().issue(tmp_path, "127.0.0.1", days=days)) as port,
    ):
        findings = await look(attrs.evolve(server("a", port), tls="verify", ca=ca))
        found = the("certificate", findings)
        assert found.state is state
        assert says in found.found
        insecure = await look(attrs.evolve(server("a", port), tls="insecure"))
        assert the("tls", insecure).state is State.WARN
        assert the("login", insecure).state is State.OK


async def test_an_asterisk_without_tls() -> None:
    async with asterisk() as (_, port):
        findings = await look(attrs.evolve(server("a", port), tls="verify"))
        assert states(findings) == {"reach": State.FAIL}
        assert "tlsenable" in findings[0].advice


# -- sniffers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "here", "expected"),
    [
        (None, None, {"reach": State.OK}),
        (KEY, KEY, {"reach": State.OK, "key": State.OK}),
        (KEY, OTHER_KEY, {"key": State.FAIL}),
    ],
)
async def test_keys_of_sniffers(there: Any, here: Any, expected: dict[str, State]) -> None:
    async with sniffer(key=there) as (_, port):
        findings = await look(configured("s", port, here))
        assert states(findings) == expected, findings
        if expected["key" if here and here is not there else "reach"] is State.OK:
            assert "2026.04.0" in the("reach", findings).found


@pytest.mark.parametrize("key", [None, KEY])
async def test_the_clock_of_a_sniffer_shows_in_its_calls(key: Any) -> None:
    """If it is ahead; if it has no calls nothing is told."""
    async with sniffer(key=key, started_at=time.time() + 3600) as (sim, port):
        assert "clock" not in states(await look(configured("s", port, key)))
        sim.start_call()
        found = the("clock", await look(configured("s", port, key)))
        assert found.state is State.WARN
        assert "ahead of this machine's" in found.found
    async with sniffer(key=key, started_at=time.time() - 3600) as (sim, port):
        sim.start_call()
        assert the("clock", await look(configured("s", port, key))).state is State.OK


async def test_a_sniffer_that_has_a_key_and_is_asked_without() -> None:
    async with sniffer(key=KEY) as (_, port):
        findings = await look(configured("s", port))
        assert states(findings) == {"reach": State.OK, "key": State.FAIL}
        assert "encryption" in the("key", findings).advice


async def test_a_sniffer_whose_key_is_nowhere(tmp_path: Path) -> None:
    async with sniffer(key=KEY) as (_, port):
        nowhere = configured("s", port, key_conf=tmp_path / "voipmonitor.conf", encryption="aes-128-cbc")
        findings = await look(nowhere)
        assert states(findings) == {"key": State.FAIL}


async def test_sniffers_that_hang_are_starting_or_gone() -> None:
    async with sniffer() as (sim, port):
        sim.faults.hang()
        findings = await look(configured("s", port), timeout_s=0.2)
        assert states(findings) == {"reach": State.FAIL}
        assert "database" in findings[0].advice
        sim.faults.clear()
        sim.faults.starting = True
        assert states(await look(configured("s", port))) == {"reach": State.WARN}
        sim.faults.clear()
        sim.faults.garbage = b"SSH-2.0-OpenSSH_9.2\r\n"
        assert states(await look(configured("s", port))) == {"reach": State.FAIL}
    with refusing_port() as port:
        assert states(await look(configured("s", port))) == {"reach": State.FAIL}


async def test_findings_stand_in_the_order_of_the_configuration() -> None:
    async with silent() as hanging, asterisk() as (_, port):
        findings = await look(server("slow", hanging), server("quick", port), timeout_s=0.3)
        assert findings[0].subject.startswith("server slow")
        assert findings[-1].subject == "server quick"


# -- this machine ----------------------------------------------------------------------------------------


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    (tmp_path / "anna.secret").write_text("anna's\n")
    path.write_text('[[user]]\nname = "anna"\nsecret = { file = "anna.secret" }\n')
    return path


def modes(findings: list[Finding]) -> dict[str, State]:
    return {Path(one.subject).name: one.state for one in findings if one.check == "file"}


@pytest.mark.parametrize(
    ("config_mode", "secret_mode", "config_state", "secret_state"),
    [
        (0o644, 0o600, State.OK, State.OK),
        (0o644, 0o604, State.OK, State.WARN),
        (0o646, 0o640, State.FAIL, State.OK),
    ],
)
def test_files_that_others_may_read_or_change(
    config_file: Path, config_mode: int, secret_mode: int, config_state: State, secret_state: State
) -> None:
    secret = config_file.parent / "anna.secret"
    config_file.chmod(config_mode)
    secret.chmod(secret_mode)
    findings = trio.run(partial(look, path=config_file, whole=True))
    assert modes(findings) == {"config.toml": config_state, "anna.secret": secret_state}


def test_a_secret_in_the_configuration_itself(config_file: Path) -> None:
    config_file.write_text('[[user]]\nname = "anna"\nsecret = "anna\'s"\n')
    config_file.chmod(0o644)
    assert modes(trio.run(partial(look, path=config_file, whole=True))) == {"config.toml": State.WARN}


async def test_a_port_that_is_taken_names_the_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        found = the("port", await look(listen=(Listen(port=port),), whole=True))
    assert found.state is State.FAIL
    assert f"pid {os.getpid()}:" in found.found
    assert the("port", await look(listen=(Listen(port=port),), whole=True)).state is State.OK


async def test_amps_own_certificate(tmp_path: Path) -> None:
    certificate, key = authority().issue(tmp_path, "amp.example", days=(-1, 3))
    listen = Listen(port=0, tls="required", certificate=certificate, private_key=key)
    found = the("certificate", await look(listen=(listen,), whole=True))
    assert found.state is State.WARN
    assert "expires in 2 days" in found.found


async def test_a_socket_of_systemd_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    listens = Listen(activation="amp.socket"), Listen(unix=tmp_path / "none" / "amp.sock")
    findings = await look(listen=listens, whole=True)
    assert the("port", findings).found == "systemd holds it"
    assert "there is no folder" in the("file", findings).found


def test_every_key_of_a_secret_is_known() -> None:
    """What looks for secrets in a file has to know the keys that the classes have."""
    kept = {
        field.name
        for kind in (AsteriskServer, VoipmonitorServer, User, Listen, *map(type, (Config().proxy,)))
        for field in attrs.fields(kind)
        if "Secret" in str(field.type)
    }
    assert kept <= SECRET_KEYS
