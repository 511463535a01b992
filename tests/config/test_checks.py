"""What only several values together can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from amp.config.advice import advice
from amp.config.schema import Config
from config.loading import SERVER, USER, load_text, problems


def server(name: str, host: str = "h") -> str:
    return SERVER.replace("pbx1", name).replace("192.0.2.1", host)


def user(name: str, more: str = "") -> str:
    return USER.replace("steve", name) + more


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            server("a") + server("A", "g"),
            ["server[1].name: the same name as server[0], but for upper and lower case"],
        ),
        (
            server("sim2") + "[simulate]",
            ["server[0].name: the same name as the simulated fleet ([simulate])"],
        ),
        (
            server("a", "B") + server("b", "c"),
            ["server[1].name: it is the host of server[0]; 'Server:' could mean either"],
        ),
        (
            server("a", "localhost"),
            [
                "server[0]: is amp's own listener, there without any [[listen]]"
                " (give one of them another port)"
            ],
        ),
        (
            server("a", "localhost") + "[[listen]]\n",
            ["server[0]: is amp's own listen[0] (give one of them another port)"],
        ),
        (
            '[[listen]]\nunix = "/run/amp.sock"\n[[listen]]\naddress = "::"\n' + server("a", "127.0.0.1"),
            ["server[0]: is amp's own listen[1] (give one of them another port)"],
        ),
        (user("a") + user("a"), ["user[1].name: the same name as user[0]"]),
        (user("a") + user("A"), ["user[1].name: the same name as user[0], but for upper and lower case"]),
        (
            server("pbx1") + user("a", 'servers = ["pbx1"]'),
            ["user[0].servers: expected server as well; without it every server may be named"],
        ),
        (
            '[proxy]\ndefault_server = "pbx"\n' + server("pbx1"),
            ["proxy.default_server: no server has this name (did you mean 'pbx1'?)"],
        ),
        (
            '[proxy]\ndefault_server = "sim3"\n[simulate]',
            ["proxy.default_server: no server has this name (did you mean 'sim2'?)"],
        ),
        (user("a", 'server = "x"'), ["user[0].server: no server has this name"]),
        (
            server("pbx1") + user("a", 'server = "pbx1"\nservers = ["pbx1", "pbx2"]'),
            ["user[0].servers[1]: no server has this name (did you mean 'pbx1'?)"],
        ),
        (
            '[proxy]\nproxy_key = "k"\nproxy_key_user = "stev"\nanonymous_user = "x"\n' + USER,
            [
                "proxy.proxy_key_user: no user has this name (did you mean 'steve'?)",
                "proxy.anonymous_user: no user has this name",
            ],
        ),
        (
            user("a", 'channel = "SIP/1"\nfilter_local = "enforce"'),
            [
                "user[0].filter_local: expected out_context as well; 'enforce' is about the"
                " Local channels into it"
            ],
        ),
        (
            user("a", 'filter_local = "allow"'),
            [
                "user[0].filter_local: expected channel or out_context as well; without them every channel is"
                " allowed"
            ],
        ),
        (
            user("a", 'channel = "SIP/1\\r\\nAction: x"'),
            ["user[0].channel: expected no CR, LF or NUL in how names of channels begin"],
        ),
        (
            user("a", 'write = ["all"]\ncommands = ["core show *"]'),
            ["user[0].commands: expected 'command' in write as well; without it no command runs"],
        ),
        ("[[listen]]\n[[listen]]", ["listen[1]: the same address and port as listen[0]"]),
        (
            "[[listen]]\n[[listen]]\nport = 5038\n[[listen]]\nport = 5039",
            ["listen[1]: the same address and port as listen[0]"],
        ),
        (
            '[[listen]]\naddress = "0.0.0.0"\n[[listen]]',
            ["listen[1]: 127.0.0.1 is in the way of listen[0], 0.0.0.0 with this port"],
        ),
        (
            '[[listen]]\naddress = "::1"\n[[listen]]\naddress = "::"\n[[listen]]\naddress = "0.0.0.0"',
            ["listen[1]: :: is in the way of listen[0], ::1 with this port"],
        ),
        (
            '[[listen]]\naddress = "localhost"\n[[listen]]\naddress = "::1"\n[[listen]]',
            [
                "listen[1]: ::1 is in the way of listen[0], localhost with this port",
                "listen[2]: 127.0.0.1 is in the way of listen[0], localhost with this port",
            ],
        ),
        (
            '[[listen]]\nunix = "a"\n[[listen]]\nunix = "a"',
            ["listen[1]: the same unix as listen[0]"],
        ),
        (
            '[[listen]]\nactivation = "a"\n[[listen]]\nactivation = "a"',
            ["listen[1]: the same activation as listen[0]"],
        ),
        (
            '[[listen]]\nunix = "a"\nport = 5\n[[listen]]\nunix = "b"\nactivation = "b"',
            [f"listen[{index}]: expected address and port, or unix, or activation" for index in (0, 1)],
        ),
        ('[[listen]]\nunix_mode = "0660"', ["listen[0].unix_mode: expected unix as well"]),
        ('[[listen]]\ntls = "optional"', ["listen[0].certificate: missing; tls needs one"]),
        ('[[listen]]\nprivate_key = "x"', ["listen[0].private_key: expected certificate as well"]),
        (
            server("pbx1") + '[[listen]]\nserver = "pbx"',
            ["listen[0].server: no server has this name (did you mean 'pbx1'?)"],
        ),
        (server("a") + 'hosts = ["b", "c"]', ["server[0]: expected either host or hosts"]),
        (server("a").replace('host = "h"\n', ""), ["server[0].host: missing"]),
        (server("a").replace('host = "h"', "hosts = []"), ["server[0].host: missing"]),
        (server("a") + 'server_name = "x"', ["server[0].server_name: expected tls = 'verify' as well"]),
        (
            server("a").replace('host = "h"', 'hosts = ["x", "b"]') + server("b", "c"),
            ["server[1].name: it is the host of server[0]; 'Server:' could mean either"],
        ),
    ],
)
def test_what_clashes_or_points_to_nothing(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        server("a", "a"),
        server("sim3") + "[simulate]",
        '[proxy]\ndefault_server = "sim2"\n[simulate]\n' + user("a", 'server = "sim1"\nservers = ["sim2"]'),
        '[proxy]\ndefault_server = "none"',
        "[[listen]]\nport = 0\n[[listen]]\nport = 0",
        '[[listen]]\n[[listen]]\naddress = "::1"',
        '[[listen]]\n[[listen]]\nunix = "a"\nunix_mode = "600"\n[[listen]]\nactivation = "a"',
        server("a").replace('host = "h"', 'hosts = ["x", "y"]'),
        server("pbx1") + '[[listen]]\nserver = "pbx1"\non_server_loss = "event"',
        user("a", 'write = ["command"]\ncommands = ["core show *"]'),
        '[proxy]\nproxy_key = "k"\nproxy_key_user = "steve"\nanonymous_user = "steve"\n' + USER,
    ],
)
def test_what_does_not_clash(tmp_path: Path, text: str) -> None:
    load_text(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "[[listen]]\naddress = 5\n[[listen]]\naddress = 5",
        '[simulate]\nasterisks = "x"',
        "proxy = 1\nserver = 2\nuser = 3",
        "[[listen]]\nunix = 5\n[[listen]]\nunix = 5",
        "[[listen]]\nunix_mode = 384\nunix = 1",
        server("a").replace('host = "h"', "hosts = 5"),
        "[proxy]\nproxy_key_user = 1",
        user("a", 'write = 1\ncommands = ["x"]'),
    ],
)
def test_values_of_a_wrong_type_are_told_once(tmp_path: Path, text: str) -> None:
    assert all("expected" in problem for problem in problems(tmp_path, text))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_nothing_is_doubtful_on_a_loopback_address(tmp_path: Path, address: str) -> None:
    config = load_text(tmp_path, f'[[listen]]\naddress = "{address}"\n' + SERVER + USER)
    assert advice(config) == ()


def test_what_is_doubtful(tmp_path: Path) -> None:
    text = '[[listen]]\naddress = "0.0.0.0"\n' + server("a") + server("b") + USER
    assert advice(load_text(tmp_path, text)) == (
        "listen[0]: secrets sent to 0.0.0.0 cross the network in clear text",
        "server b: the same host and port as server a: all events come twice",
    )
    assert advice(Config()) == (
        "user: there is none, so nobody can log in",
        "server: there is none, so there is nothing to see",
    )
    open_to_all = '[proxy]\nauthentication = "none"\n[[listen]]\naddress = "pbx.example"\n[simulate]'
    assert advice(load_text(tmp_path, open_to_all)) == (
        "listen[0]: whoever reaches pbx.example sees every event: authentication is off",
    )
    with_user = open_to_all.replace("[[listen]]", 'anonymous_user = "steve"\n[[listen]]') + "\n" + USER
    assert advice(load_text(tmp_path, with_user)) == (
        "listen[0]: whoever reaches pbx.example is user steve: authentication is off",
    )
    unused = '[proxy]\nproxy_key_user = "steve"\nanonymous_user = "steve"\n[simulate]\n' + USER
    assert advice(load_text(tmp_path, unused)) == (
        "proxy.anonymous_user: nobody is anonymous while authentication is required",
        "proxy.proxy_key_user: there is no proxy_key",
    )
    assert advice(load_text(tmp_path, '[proxy]\nproxy_key = "k"\n[simulate]')) == ()
