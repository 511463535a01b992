"""From a file to a checked configuration, or to all problems at once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, get_args

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amp.config.load import load
from amp.config.rules import Host
from amp.config.schema import RIGHTS as READ_RIGHTS
from amp.config.schema import AsteriskServer, Config, Listen, Simulate, User, WriteRight, key_of
from amp.config.secret import EXPECTED, Secret
from amp.core.policy.classes import ASTERISK_CLASSES, RIGHTS
from amp.errors import ConfigError
from config.describing import ARRAYS, SECTIONS
from config.loading import SERVER, USER, load_text, problems

CANARY = "canary-7f3a"


def test_an_empty_file_is_a_safe_configuration(tmp_path: Path) -> None:
    """Loopback, logins required, nobody in it."""
    config = load_text(tmp_path, "")
    assert config == Config()
    assert config.listen == (Listen(address="127.0.0.1", port=5038, protocols=("ami",)),)
    assert config.proxy.authentication == "required"
    assert config.user == ()


def test_values_arrive_in_their_classes(tmp_path: Path) -> None:
    text = """
        [[server]]
        kind = "asterisk"
        name = "pbx1"
        host = "192.0.2.1"
        username = "amp"
        secret = { env = "PBX1" }
        sessions = "single"
        keepalive = "1.5m"
        [[user]]
        name = "steve"
        secret = "s"
        read = ["call", "user"]
        write = ["originate"]
        server = "pbx1"
        [limits]
        stall_timeout = "250ms"
        [simulate]
        calls_per_second = 3
    """
    config = load_text(tmp_path, text, {"PBX1": CANARY})
    assert config.server == (
        AsteriskServer(
            name="pbx1",
            host="192.0.2.1",
            username="amp",
            secret=Secret(CANARY),
            sessions="single",
            keepalive_s=90.0,
        ),
    )
    assert config.user == (
        User(name="steve", secret=Secret("s"), read=("call", "user"), write=("originate",), server="pbx1"),
    )
    assert config.limits.stall_timeout_s == 0.25
    assert config.simulate == Simulate(calls_per_second=3.0)
    assert isinstance(config.simulate.calls_per_second, float)
    assert CANARY not in repr(config) + str(config)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("admin", "expected a class of events; 'admin' is a right to act: see write"),
        ("dbput", "expected a class of events; 'dbput' is a right to act: see write"),
        ("cal", "expected all, system, call"),
        (CANARY, "expected all, system, call"),
    ],
)
def test_only_classes_of_events_can_be_read(tmp_path: Path, word: str, expected: str) -> None:
    text = f'[[user]]\nname = "n"\nsecret = "s"\nread = ["call", "{word}"]\n'
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"user[0].read[1]: {expected}")
    assert CANARY not in problem


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMP_TEST_SECRET", CANARY)
    (tmp_path / "amp.toml").write_text(USER.replace('"s"', '{ env = "AMP_TEST_SECRET" }'))
    assert load(tmp_path / "amp.toml").user[0].secret == Secret(CANARY)


def test_all_problems_come_at_once_with_path_and_suggestion(tmp_path: Path) -> None:
    text = """
        [proxy]
        nam = "x"
        default_server = "pbx2"
        [[server]]
        name = "pbx1"
        host = "h"
        prot = 5038
        username = "a"
        secret = {fil = "canary-7f3a"}
        [[server]]
        kind = "voipmonitor"
        sensor_id = 2
        [[server]]
        kind = "astersk"
        name = "pbx1"
        port = "canary-7f3a"
        secret = 123
        [[listen]]
        tls = "required"
        protocols = ["ami", "amy"]
        [limits]
        stall_timeout = 30
        order_hold = "2h"
        [user]
        [servers]
    """
    assert problems(tmp_path, text) == [
        "proxy.nam: unknown key (did you mean 'name'?)",
        'listen[0].protocols[1]: expected "ami" or "http" or "websocket" or "voipmonitor"'
        " (did you mean 'ami'?)",
        f"server[0].secret: {EXPECTED} (did you mean 'file'?)",
        "server[0].prot: unknown key (did you mean 'port'?)",
        "server[1].name: missing",
        'server[2].kind: expected "asterisk" or "voipmonitor" (did you mean \'asterisk\'?)',
        "server[2].port: expected a whole number from 1 to 65535, got a string",
        "server[2].username: missing",
        f"server[2].secret: {EXPECTED}",
        "user: expected an array, got a table: its head is written with two brackets",
        'limits.stall_timeout: expected a duration in quotes such as "250ms" or "30s", got a whole number',
        "limits.order_hold: expected a duration from 0s to 1m",
        "servers: unknown key (did you mean 'server'?)",
        "server[2].name: the same name as server[0]",
        "server[2].host: missing",
        "server[1]: expected a key (key and iv, key_conf, key_php, or a section [database]), or "
        'encryption = "none"',
        "proxy.default_server: no server has this name (did you mean 'pbx1'?)",
        "listen[0].certificate: missing; tls needs one",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("proxy = 5", "proxy: expected a table, got a whole number"),
        ("[[proxy]]", "proxy: expected a table, got an array"),
        ("server = 5", "server: expected an array, got a whole number"),
        ("server = [5]", "server[0]: expected a table, got a whole number"),
        ("simulate = 2023-02-01", "simulate: expected a table, got a date or time"),
        (
            "[zzz]",
            "zzz: unknown key (known: proxy, listen, server, user, limits, log, metrics, database, simulate)",
        ),
        ('"a\\nb" = 1', r"'a\nb': unknown key"),
        ("[[listen]]\nport = true", "listen[0].port: expected a whole number from 0 to 65535, got a boolean"),
        ("[[listen]]\nport = 70000", "listen[0].port: expected a whole number from 0 to 65535"),
        ("[[listen]]\nport = 0x" + "f" * 9000, "listen[0].port: expected a whole number from 0 to 65535"),
        (
            "[[listen]]\nport = 5038.0",
            "listen[0].port: expected a whole number from 0 to 65535, got a number with",
        ),
        ("[[listen]]\nprotocols = []", "listen[0].protocols: expected at least one"),
        ('[[listen]]\nprotocols = "ami"', "listen[0].protocols: expected an array, got a string"),
        ('[[listen]]\naddress = "127.0.0.1:5038"', "listen[0].address: expected a host without a port"),
        ('[[listen]]\naddress = "[::1]"', "listen[0].address: expected an IPv6 address without brackets"),
        ('[[listen]]\naddress = "*"', 'listen[0].address: expected an address: all of them are "0.0.0.0"'),
        (
            '[[listen]]\naddress = "a b"',
            "listen[0].address: expected a host name or an address, without blanks",
        ),
        (
            '[[listen]]\naddress = ""',
            "listen[0].address: expected a host name or an address, got an empty string",
        ),
        ("[simulate]\ncalls_per_second = nan", "simulate.calls_per_second: expected a number from 0 to 1000"),
        ("[simulate]\ncalls_per_second = inf", "simulate.calls_per_second: expected a number from 0 to 1000"),
        (
            "[simulate]\ncalls_per_second = 0x" + "f" * 9000,
            "simulate.calls_per_second: expected a number from 0 to",
        ),
        (
            '[simulate]\ncalls_per_second = "1"',
            "simulate.calls_per_second: expected a number from 0 to 1000, got a st",
        ),
        (
            "[limits]\noutlet_bytes = nan",
            "limits.outlet_bytes: expected a whole number of bytes from 4096 to",
        ),
        (
            '[limits]\noutlet_bytes = "32MB"',
            "limits.outlet_bytes: expected a whole number of bytes from 4096 to",
        ),
        ('[limits]\nstall_timeout = "0s"', "limits.stall_timeout: expected a duration from 100ms to 7d"),
        ('[proxy]\nname = "a\\u0007b"', "proxy.name: expected a name without control characters"),
        ('[proxy]\nname = " a"', "proxy.name: expected a name without blanks at its ends"),
        (
            '[proxy]\ndefault_server = "a,b"',
            "proxy.default_server: expected a server's name without , * ? [ ]",
        ),
        ('[log]\nlevel = "warn"', 'log.level: expected "debug" or "info" or "warning" or "error"'),
        (USER + 'read = ["cal"]', "user[0].read[0]: expected all, system, call,"),
        (USER + 'write = ["call", 5]', "user[0].write[1]: expected a string, got a whole number"),
        (USER + 'write = ["funtion_calls"]', "user[0].write[0]: expected all, system, call,"),
        (USER + "eventfilter = [5]", "user[0].eventfilter[0]: expected a string, got a whole number"),
        (
            USER + 'eventfilter = ["Event: Hangup", "Event: ["]',
            "user[0].eventfilter[1]: expected an event filter as in manager.conf: Filter did not compile.",
        ),
        (
            USER + f"eventfilter = {[f'x{n}' for n in range(33)]}",
            "user[0]: expected at most 32 filters in eventfilter",
        ),
        (
            USER + f"eventfilter = {['.{24}' + letter for letter in 'abcde']}",
            "user[0]: in eventfilter: Filters are too costly together: 125 parts in patterns, at most 100",
        ),
        (USER + 'contexts = [""]', "user[0].contexts[0]: expected a context, got an empty string"),
        (SERVER + 'events = "cal"', 'server[0].events: expected "on", "off" or classes such as "call,agent"'),
        (
            SERVER + 'reconnect_first = "2m"',
            "server[0]: expected reconnect_first to be at most reconnect_max",
        ),
        (
            SERVER.replace("pbx1", "First"),
            "server[0].name: expected another name: first, none are words of default",
        ),
        (SERVER.replace("pbx1", "p*"), "server[0].name: expected a server's name without , * ? [ ]"),
        (SERVER.replace("pbx1", "p" * 65), "server[0].name: expected a server's name of at most 64 bytes"),
    ],
)
def test_a_problem_says_what_is_expected(tmp_path: Path, text: str, problem: str) -> None:
    found = problems(tmp_path, text)
    assert found[0].startswith(problem)


def test_every_word_of_the_policy_may_be_written(tmp_path: Path) -> None:
    """The schema spells them out for the type checker; core decides which there are."""
    assert set(get_args(WriteRight)) == RIGHTS
    assert set(READ_RIGHTS) == ASTERISK_CLASSES | {"all"}
    words = ", ".join(f'"{word}"' for word in sorted(RIGHTS))
    (user,) = load_text(tmp_path, USER + f"write = [{words}]").user
    assert set(user.write) == RIGHTS


def test_filters_are_taken_as_they_stand(tmp_path: Path) -> None:
    lines = ["!Channel: Local/", "eventfilter(name(Newstate),header(ChannelStateDesc),method(exact)) = Up"]
    text = USER + f'eventfilter = {lines}\ncontexts = ["*"]\ncommands = ["core show *"]\nwrite = ["command"]'
    (user,) = load_text(tmp_path, text).user
    assert (user.eventfilter, user.contexts, user.commands) == (tuple(lines), ("*",), ("core show *",))


@pytest.mark.parametrize("mask", ["on", "off", "call", "call, Agent", "6", "all"])
def test_event_masks_are_those_of_a_login(tmp_path: Path, mask: str) -> None:
    (server,) = load_text(tmp_path, SERVER + f'events = "{mask}"').asterisks
    assert server.events == mask.replace(" ", "").lower()


TEXT_KEYS = [
    ("server", "name"),
    ("server", "host"),
    ("server", "username"),
    ("server", "secret"),
    ("user", "name"),
    ("user", "secret"),
    ("user", "server"),
    ("proxy", "name"),
    ("proxy", "greeting"),
    ("proxy", "default_server"),
    ("proxy", "proxy_key"),
    ("proxy", "proxy_key_user"),
    ("listen", "address"),
]


@pytest.mark.parametrize(("section", "key"), TEXT_KEYS)
@pytest.mark.parametrize("evil", ["\r", "\n", "\0", "\r\nAction: Originate"])
def test_no_text_may_hold_a_line_end_or_nul(tmp_path: Path, section: str, key: str, evil: str) -> None:
    """Otherwise a name in a header would become a header, or a frame, of its own."""
    found = problems(tmp_path, file_with(section, key, f"x{evil}{CANARY}"))
    path = f"{section}[0].{key}" if section in ARRAYS else f"{section}.{key}"
    assert any(problem.startswith(f"{path}: expected no CR, LF or NUL in ") for problem in found)
    assert CANARY not in "".join(found)


EVERY_KEY = [(section, key_of(name)) for section, cls in SECTIONS.items() for name in cls.__annotations__]
MISPLACED = [
    CANARY,
    f" {CANARY}",
    [CANARY],
    [[CANARY]],
    {"env": CANARY},
    {"file": CANARY},
    {"fil": CANARY},
    {"file": f"/{CANARY}"},
    {"file": f"/{CANARY}/x"},
    {CANARY: CANARY},
    [{"a": CANARY}],
    f"{CANARY}\r\n",
    f"{CANARY}\0",
    CANARY * 200,
    f"{CANARY},*",
]


@pytest.mark.parametrize(("section", "key"), EVERY_KEY)
def test_no_error_repeats_a_value_that_may_be_a_secret(tmp_path: Path, section: str, key: str) -> None:
    """Neither in a wrong place, nor in a right place beside something else that is wrong."""
    for value in MISPLACED:
        text = file_with(section, key, value) + "\n[bogus]\n"
        assert CANARY not in "".join(problems(tmp_path, text))


def test_no_error_repeats_an_unquoted_secret(tmp_path: Path) -> None:
    for value in (
        CANARY,
        f'"{CANARY}',
        f'"{CANARY}" {CANARY}',
        f"'''{CANARY}",
        f"{{ {CANARY} }}",
        f"\\{CANARY}",
    ):
        assert CANARY not in "".join(problems(tmp_path, f"{USER}\n[proxy]\nproxy_key = {value}\n"))


def file_with(section: str, key: str, value: Any) -> str:
    """A file that is right but for one value."""
    data: dict[str, Any] = {
        "server": [{"name": "pbx1", "host": "192.0.2.1", "username": "amp", "secret": "s"}],
        "user": [{"name": "steve", "secret": "s"}],
        "limits": {},
    }
    tables = data.setdefault(section, [{}] if section in ARRAYS else {})
    (tables[0] if section in ARRAYS else tables)[key] = value
    return tomli_w.dumps(data)


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.dates(),
        st.just("pbx1"),
        st.just("30s"),
        st.just(5038),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(EVERY_KEY), VALUES), max_size=6))
def test_any_values_give_problems_or_a_configuration(
    tmp_path: Path, settings_: list[tuple[tuple[str, str], Any]]
) -> None:
    tables: dict[str, dict[str, Any]] = {}
    for (section, key), value in settings_:
        tables.setdefault(section, {})[key] = value
    data = {section: [table] if section in ARRAYS else table for section, table in tables.items()}
    path = tmp_path / "amp.toml"
    path.write_text(tomli_w.dumps(data))
    with contextlib.suppress(ConfigError):
        load(path, {})


def test_a_bug_in_a_rule_does_not_look_like_a_mistake_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Host, "read", lambda *_: len(5))  # type: ignore[arg-type]  # the bug
    with pytest.raises(TypeError):
        load_text(tmp_path, "[[listen]]\naddress = 'x'")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("", "user[0]: expected either secret or secret_hash"),
        ('secret = "s"\nsecret_hash = "HASH"', "user[0]: expected either secret or secret_hash"),
        (
            'secret_hash = "tr0ub4dor"',
            'user[0]: in secret_hash: expected a bcrypt hash, which begins with "$2y$"',
        ),
        (
            'secret_hash = "$2y$13$REST"',
            "user[0]: in secret_hash: expected a bcrypt hash of a cost from 4 to 12",
        ),
        ('secret_hash = { env = "TR0UB4DOR" }', "user[0].secret_hash: the environment variable"),
    ],
)
def test_a_user_has_a_secret_or_its_hash(tmp_path: Path, lines: str, problem: str) -> None:
    """Whatever is wrong with it, it is not shown."""
    rest = "/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"
    text = f'[[user]]\nname = "hanna"\n{lines}\n'.replace("HASH", f"$2y$05${rest}").replace("REST", rest)
    (tmp_path / "amp.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "amp.toml", {})
    (found,) = caught.value.problems
    assert found.startswith(problem)
    assert "tr0ub4dor" not in found
    assert rest not in found
