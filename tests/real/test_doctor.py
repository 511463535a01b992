"""``amp doctor`` at a real Asterisk: what it sees of the accounts in conf/manager.conf, and leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from amp.config.schema import AsteriskServer, Config, User
from amp.config.secret import Secret
from amp.core.doctor.finding import Finding, State
from amp.shell.doctor.everything import examine
from real.asterisk import Asterisk

pytestmark = pytest.mark.asterisk

USER = User(name="anna", secret=Secret("anna's"), write=("originate", "agent", "config"))


def look(asterisk: Asterisk, username: str, secret: str = "secret", **more: Any) -> dict[str, Finding]:
    """Findings about one server by check."""
    server = AsteriskServer(
        name="pbx", host="127.0.0.1", port=asterisk.ports.ami, username=username, secret=Secret(secret)
    )
    config = Config(server=(attrs.evolve(server, **more),), user=(USER,), listen=())
    path = Path("no-such-folder/config.toml")
    findings = trio.run(partial(examine, config, path, 20.0, lambda done, total: None))
    return {found.check: found for found in findings if found.check != "descriptors"}


def test_an_account_with_every_right(asterisks: Mapping[str, Asterisk]) -> None:
    found = look(asterisks["dressed"], "amp")
    assert {one.state for one in found.values()} == {State.OK}, found
    assert set(found) == {"reach", "login", "reads", "writes", "clock"}
    assert "reads all" in found["reads"].found
    assert "Asterisk 2" in found["login"].found


def test_an_account_that_may_sign_in_once(asterisks: Mapping[str, Asterisk]) -> None:
    found = look(asterisks["plain"], "alone")
    assert found["logins"].state is State.WARN
    assert "logins" not in look(asterisks["plain"], "alone", sessions="single")


def test_an_account_that_may_only_read(asterisks: Mapping[str, Asterisk]) -> None:
    found = look(asterisks["plain"], "readonly")
    assert found["reads"].state is State.OK
    assert "does not write config, originate:" in found["writes"].found


def test_a_wrong_secret_and_tls_with_a_certificate_of_nobody(asterisks: Mapping[str, Asterisk]) -> None:
    plain = asterisks["plain"]
    assert look(plain, "amp", "wrong")["login"].state is State.FAIL
    found = look(plain, "amp", tls="verify", port=plain.ports.ami_tls)
    assert found["certificate"].state is State.FAIL
    assert look(plain, "amp", tls="insecure", port=plain.ports.ami_tls)["login"].state is State.OK
