"""A server that is added at run time is held to the same rules as one in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from amp.config.run_time import read_server, server_table
from amp.config.schema import AsteriskServer, VoipmonitorServer
from amp.config.secret import Secret
from amp.errors import ConfigError

OTHERS: list[AsteriskServer | VoipmonitorServer] = [
    AsteriskServer(name="pbx1", hosts=("10.0.0.1", "10.0.0.2"), username="a", secret=Secret("x")),
    VoipmonitorServer(kind="voipmonitor", name="sniff", host="10.0.0.3", encryption="none"),
]
PBX9 = {"name": "pbx9", "username": "amp", "secret": "hunter2"}


def read(**settings: str) -> AsteriskServer:
    """The server that these add to those of before."""
    return read_server(server_table({**PBX9, **settings}), OTHERS, Path())


def problems(**settings: str) -> tuple[str, ...]:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        read(**settings)
    assert "hunter2" not in str(caught.value)
    return caught.value.problems


def test_texts_become_what_the_file_would_hold() -> None:
    server = read(
        host="10.0.0.9, 10.0.0.8",
        port="5039",
        max_sessions="3",
        keepalive="5s",
        tls="insecure",
        events="CALL",
    )
    assert server == AsteriskServer(
        name="pbx9",
        hosts=("10.0.0.9", "10.0.0.8"),
        port=5039,
        username="amp",
        secret=Secret("hunter2"),
        max_sessions=3,
        keepalive_s=5.0,
        tls="insecure",
        events="call",
    )


def test_without_a_host_the_name_is_one() -> None:
    """That is how astmanproxy's users write it."""
    assert read(name="10.0.0.9").addresses == ("10.0.0.9",)
    assert server_table({}) == {}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"name": "pbx1", "host": "h"}, "name: the same name as server pbx1"),
        ({"name": "SNIFF", "host": "h"}, "name: the same name as server sniff, but for upper and lower case"),
        ({"name": "10.0.0.2"}, "name: it is the host of server pbx1; 'Server:' could mean either"),
        ({"host": "pbx1"}, "host: it is the name of server pbx1"),
        ({"port": "0"}, "port: expected a whole number from 1 to 65535"),
        ({"port": "５"}, "port: expected a whole number from 1 to 65535"),
        ({"port": "9" * 5000}, "port: expected a whole number from 1 to 65535"),
        ({"max_sessions": "many"}, "max_sessions: expected a whole number from 1 to 100"),
        ({"server_name": "x"}, "server_name: expected tls = 'verify' as well"),
        ({"reconnect_first": "60s"}, "expected reconnect_first to be at most reconnect_max"),
        (
            {"secret": "hunter2" * 200},
            "secret: the secret is too long: at most 1000 bytes fit into a line of a login",
        ),
    ],
)
def test_what_is_wrong_is_told_by_key_and_by_name(settings: dict[str, str], problem: str) -> None:
    assert problems(**settings) == (problem,)


def test_its_certificates_are_looked_at(tmp_path: Path) -> None:
    assert problems(tls="verify", ca="none.pem") == ("ca: cannot read: No such file or directory",)
