"""``[[server]]`` of kind ``voipmonitor``."""

from __future__ import annotations

from pathlib import Path

import pytest

from amp.config.advice import advice
from config.loading import USER, load_text, problems

KEY = 'key = "c2l4dGVlbiBieXRlcyBvaw=="\niv = "YW4gaW5pdGlhbCB2YWx1ZQ=="\n'
SNIFFER = '[[server]]\nkind = "voipmonitor"\nname = "s2"\nhost = "h"\n'


def test_a_sniffer_beside_an_asterisk(tmp_path: Path) -> None:
    asterisk = '[[server]]\nname = "a"\nhost = "g"\nusername = "u"\nsecret = "s"\n'
    config = load_text(tmp_path, SNIFFER + KEY + asterisk)
    assert [server.name for server in config.asterisks] == ["a"]
    assert [(server.name, server.place) for server in config.sniffers] == [("s2", "h:5029")]
    assert not any("server" in sentence for sentence in advice(config))


def test_places(tmp_path: Path) -> None:
    local = SNIFFER.replace('host = "h"', 'socket = "run/s"\nencryption = "none"')
    assert load_text(tmp_path, local).sniffers[0].place == str(tmp_path / "run/s")
    assert load_text(tmp_path, SNIFFER.replace('"h"', '"::1"') + KEY).sniffers[0].place == "[::1]:5029"


def test_keys_may_stand_elsewhere(tmp_path: Path) -> None:
    assert load_text(tmp_path, SNIFFER + 'key_php = "a.php"').sniffers[0].key_php == tmp_path / "a.php"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("", 'expected a key (key and iv, key_conf or key_php), or encryption = "none"'),
        ('socket = "/s"\n' + KEY, "expected either host or socket"),
        ('key = "QUJD"', "expected key and iv together"),
        (KEY.replace("c2", "!!"), "key: not base64"),
        (KEY + 'encryption = "aes-256-cbc"', "aes-256-cbc needs a key of 32 bytes, the given one has 16"),
    ],
)
def test_what_cannot_work(tmp_path: Path, more: str, problem: str) -> None:
    assert problems(tmp_path, SNIFFER + more) == [f"server[0]: {problem}"]


def test_a_plain_sniffer_may_have_a_short_looking_key(tmp_path: Path) -> None:
    assert load_text(tmp_path, SNIFFER + KEY + 'encryption = "none"').sniffers[0].encryption == "none"


@pytest.mark.parametrize(
    ("freshness", "start"),
    [
        ("1", "expected a table of durations, got a whole number"),
        ('{ getfile = "1s" }', "expected some of "),
        ("{ listcalls = 1 }", "expected a duration in quotes"),
    ],
)
def test_freshness(tmp_path: Path, freshness: str, start: str) -> None:
    (problem,) = problems(tmp_path, SNIFFER + KEY + f"freshness = {freshness}")
    assert problem.startswith(f"server[0].freshness: {start}")


def test_freshness_is_seconds_by_command(tmp_path: Path) -> None:
    text = SNIFFER + KEY + 'freshness = { listcalls = "1500ms" }'
    assert load_text(tmp_path, text).sniffers[0].freshness == {"listcalls": 1.5}


def test_sniffer_commands(tmp_path: Path) -> None:
    assert load_text(tmp_path, USER + 'sniffer_commands = "gui"').user[0].sniffer_commands == ("gui",)
    assert load_text(tmp_path, USER + 'sniffer_commands = ["get*"]').user[0].sniffer_commands == ("get*",)
    for value in ('"listcalls"', "[1]", "3"):
        assert problems(tmp_path, USER + f"sniffer_commands = {value}") == [
            'user[0].sniffer_commands: expected an array of strings, or "gui"'
        ]
    assert problems(tmp_path, USER + 'sniffer_commands = ["listcals"]') == [
        "user[0].sniffer_commands: expected commands of a sniffer, or patterns of some that change nothing, "
        "at 0 (did you mean 'listcalls'?)"
    ]


def test_a_sniffer_is_no_home_for_actions(tmp_path: Path) -> None:
    text = (
        '[proxy]\ndefault_server = "s2"\n[[listen]]\nserver = "s2"\n'
        + SNIFFER
        + KEY
        + USER
        + 'server = "s2"\nservers = ["s2"]'
    )
    assert problems(tmp_path, text) == [
        f"{path}: expected an Asterisk, and s2 is a sniffer"
        for path in ("proxy.default_server", "user[0].server", "listen[0].server")
    ]


LISTEN = '[[listen]]\nprotocols = ["voipmonitor"]\nserver = "s2"\nuser = "steve"\n'


def test_a_listener_in_a_sniffers_place(tmp_path: Path) -> None:
    (listen,) = load_text(tmp_path, LISTEN + KEY + SNIFFER + KEY + USER).listen
    assert (listen.speaks_voipmonitor, listen.server, listen.user) == (True, "s2", "steve")


@pytest.mark.parametrize(
    ("listen", "problem"),
    [
        (
            LISTEN.replace('server = "s2"\n', ""),
            "listen[0].server: expected the sniffer in whose place it stands",
        ),
        (LISTEN.replace('"s2"', '"a"'), "listen[0].server: expected the sniffer in whose place it stands"),
        (
            LISTEN.replace('user = "steve"\n', ""),
            "listen[0].user: missing; the protocol has no login, so its clients have a user's rights",
        ),
        (LISTEN.replace("steve", "stev"), "listen[0].user: no user has this name (did you mean 'steve'?)"),
        (
            LISTEN.replace('"voipmonitor"]', '"ami", "voipmonitor"]'),
            "listen[0].protocols: 'voipmonitor' stands alone: nothing tells it from other protocols",
        ),
        ('[[listen]]\nuser = "steve"\n', "listen[0].user: expected protocols = ['voipmonitor'] as well"),
        (LISTEN + 'key = "QUJD"\n', "listen[0]: expected key and iv together"),
        (LISTEN + KEY.replace("c2", "!!"), "listen[0]: key: not base64"),
    ],
)
def test_listeners_that_cannot_work(tmp_path: Path, listen: str, problem: str) -> None:
    asterisk = '[[server]]\nname = "a"\nhost = "g"\nusername = "u"\nsecret = "s"\n'
    assert problem in problems(tmp_path, listen + SNIFFER + KEY + asterisk + USER)


def test_watching_is_on_unless_it_is_off(tmp_path: Path) -> None:
    def watch(more: str) -> dict[str, float]:
        return dict(load_text(tmp_path, SNIFFER + KEY + more).sniffers[0].watch)

    assert watch("") == {"calls": 2.0, "stat": 10.0}
    assert watch('watch = { calls = "1s" }') == {"calls": 1.0, "stat": 10.0}
    assert watch('watch = { stat = "off" }') == {"calls": 2.0, "stat": 0.0}
    assert watch('watch = "off"') == {"calls": 0.0, "stat": 0.0}


@pytest.mark.parametrize(
    ("watch", "problem"),
    [
        ("true", 'expected a table of durations, or "off", got a boolean'),
        ('{ calls = "10ms" }', "expected a duration from 100ms to 1d"),
        ('{ call = "1s" }', "expected some of calls, stat (did you mean 'calls'?)"),
        ('{ call = "off" }', "expected some of calls, stat (did you mean 'calls'?)"),
    ],
)
def test_how_often_to_look(tmp_path: Path, watch: str, problem: str) -> None:
    assert problems(tmp_path, f"{SNIFFER}{KEY}watch = {watch}") == [f"server[0].watch: {problem}"]


def test_a_popup_login_is_two_words_or_three(tmp_path: Path) -> None:
    assert load_text(tmp_path, SNIFFER + KEY + 'popup = "agent secret K1"').sniffers[0].popup is not None
    for words in ("agent", "a b c canary"):
        (problem,) = problems(tmp_path, SNIFFER + KEY + f'popup = "{words}"')
        assert problem.startswith("server[0]: expected the words USER PASSWORD KEY in popup")
        assert "canary" not in problem
