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
        (
            "",
            'expected a key (key and iv, key_conf, key_php, or a section [database]), or encryption = "none"',
        ),
        ('socket = "/s"\n' + KEY, "expected either host or socket"),
        ('key = "QUJD"', "expected key and iv together"),
        (KEY.replace("c2", "!!"), "key: not base64"),
        (KEY + 'encryption = "aes-256-cbc"', "aes-256-cbc needs a key of 32 bytes, the given one has 16"),
    ],
)
def test_what_cannot_work(tmp_path: Path, more: str, problem: str) -> None:
    assert problems(tmp_path, SNIFFER + more) == [f"server[0]: {problem}"]


SSH = SNIFFER.replace('host = "h"', 'encryption = "none"\nssh = "amp@h"\nsocket = "/run/vm.sock"')


@pytest.mark.parametrize(
    "target", ["amp@h.example", "h", "a_b-1@10.0.0.1", "amp@2001:db8::1", "u@fe80::1%eth0"]
)
def test_ssh_targets(tmp_path: Path, target: str) -> None:
    (server,) = load_text(tmp_path, SSH.replace("amp@h", target)).sniffers
    assert (server.ssh, server.place) == (target, f"/run/vm.sock at {target}")


@pytest.mark.parametrize(
    "target",
    [
        "-oProxyCommand=x",
        "amp@-h",
        "-amp@h",
        "a b@h",
        "h:22",
        "amp@10.0.0.1:22",
        "@h",
        "amp@",
        "a@b@-c",
        "h;x",
        "%h",
        "$h",
    ],
)
def test_what_ssh_might_take_for_something_else(tmp_path: Path, target: str) -> None:
    assert problems(tmp_path, SSH.replace("amp@h", target)) == [
        'server[0].ssh: expected "user@host" or "host" as ssh takes it; ssh_port has its port'
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"/run/vm.sock"', '"/run/%h.sock"', ": expected in socket a path without blanks and signs that"),
        ('"/run/vm.sock"', '"/run/a:b"', ": expected in socket a path without blanks and signs that"),
        ('"/run/vm.sock"', f'"/{"x" * 107}"', ": expected in socket a path of at most 107 bytes"),
        (
            '"/run/vm.sock"',
            '"vm.sock"',
            ".socket: expected an absolute path, since it is one on the other host",
        ),
        ('socket = "/run/vm.sock"', 'host = "%h"', ": expected in host a name or an address without signs"),
        ('ssh = "amp@h"', "ssh_port = 22", ": expected ssh beside ssh_port"),
        (
            'ssh = "amp@h"',
            'ssh = "amp@h"\nssh_identity = "/a b"',
            ": expected in ssh_identity a path without",
        ),
    ],
)
def test_what_cannot_go_over_ssh(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert problems(tmp_path, SSH.replace(old, new))[0].startswith(f"server[0]{problem}")


def test_amps_own_port_on_another_host_is_another_place(tmp_path: Path) -> None:
    text = SSH.replace('socket = "/run/vm.sock"', 'host = "127.0.0.1"\nport = 5038')
    assert load_text(tmp_path, text).sniffers[0].place == "127.0.0.1:5038 at amp@h"


FLEET = '[[server]]\nkind = "voipmonitor"\nname = "sensor"\nsensors = "database"\n'


def test_the_database_gives_keys_and_sensors(tmp_path: Path) -> None:
    config = load_text(tmp_path, SNIFFER + FLEET + '[database]\npassword = "p"')
    assert [server.name for server in config.sniffers] == ["s2"]
    assert config.fleet is not None
    assert (config.fleet.name, config.fleet.place) == ("sensor", "the sensors of the database")
    assert config.database is not None
    assert config.database.place == "127.0.0.1:3306/voipmonitor"
    assert "p" not in repr(config.database.password)


def test_places_of_the_database(tmp_path: Path) -> None:
    for text, place in (('host = "::1"', "[::1]:3306/voipmonitor"), ('socket = "/s"\nname = "d"', "/s/d")):
        database = load_text(tmp_path, f"[database]\n{text}").database
        assert database is not None
        assert database.place == place


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (FLEET, "server[0].sensors: expected a section [database]"),
        (
            FLEET + 'host = "h"\n[database]',
            "server[0]: expected no host beside sensors: the database tells where each sensor is",
        ),
        (FLEET.replace('"database"', '"databse"') + "[database]",
         "server[0].sensors: expected \"database\" (did you mean 'database'?)"),
        (FLEET + FLEET.replace('"sensor"', '"other"') + "[database]",
         "server[1].sensors: server[0] takes them already"),
        ('[database]\nhost = "h"\nsocket = "/s"', "database: expected either host or socket"),
        ('[database]\nca = "none.pem"', "database.ca: expected tls = 'verify' as well"),
        ('[database]\ntls = "verify"\nca = "no.pem"', "database.ca: cannot read: No such file or directory"),
        ("[database]\nhots = 3", "database.hots: unknown key (did you mean 'host'?)"),
        ('[[listen]]\nport = 0\nserver = "sensor"\n' + FLEET + "[database]",
         "listen[0].server: no server has this name"),
    ],
)  # fmt: skip
def test_what_the_database_cannot_give(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problems(tmp_path, text)


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


def test_a_sensor_has_a_number_of_its_own(tmp_path: Path) -> None:
    first = SNIFFER + KEY + "sensor_id = 2\n"
    second = first.replace('"s2"', '"s3"').replace('"h"', '"g"')
    assert problems(tmp_path, first + second) == ["server[1].sensor_id: the same as that of server[0]"]
    assert len(load_text(tmp_path, first + second.replace("= 2", "= 3")).sniffers) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'host = "db.example"',
            "database: the sniffers' key crosses the network to db.example in clear text",
        ),
        ('host = "db.example"\ntls = "insecure"', "database.tls: who stands between amp and it can read and"),
        ('host = "db.example"\ntls = "verify"', ""),
        ('host = "localhost"', ""),
        ('socket = "/s"\ntls = "insecure"', ""),
        ('socket = "/s"', ""),
    ],
)
def test_what_is_not_meant_with_the_database(tmp_path: Path, text: str, told: str) -> None:
    found = [one for one in advice(load_text(tmp_path, f"[database]\n{text}")) if one.startswith("database")]
    assert found == [] if not told else found[0].startswith(told)


def test_where_the_database_names_sensors_the_file_may_name_them_too(tmp_path: Path) -> None:
    asterisk = '[[server]]\nname = "a"\nhost = "g"\nusername = "u"\nsecret = "s"\n'
    user = USER + 'server = "a"\nservers = ["s2", "Praha"]\n'
    config = load_text(
        tmp_path, LISTEN.replace('"s2"', '"Brno"') + SNIFFER + KEY + asterisk + FLEET + "[database]\n" + user
    )
    assert [one for one in advice(config) if "taken for a sensor" in one] == [
        f"{path}: no server of the file is called {name}; it is taken for a sensor of the database"
        for path, name in (("user[0].servers[1]", "Praha"), ("listen[0].server", "Brno"))
    ]


def test_no_asterisk_is_taken_for_a_sensor(tmp_path: Path) -> None:
    asterisk = '[[server]]\nname = "a"\nhost = "g"\nusername = "u"\nsecret = "s"\n'
    text = LISTEN.replace('"s2"', '"a"') + asterisk + FLEET + "[database]\n" + USER + 'server = "Praha"'
    assert problems(tmp_path, text) == [
        "user[0].server: no server has this name",
        "listen[0].server: expected the sniffer in whose place it stands",
    ]


def test_a_number_is_no_name_of_another(tmp_path: Path) -> None:
    text = SNIFFER + KEY + "sensor_id = 3\n" + SNIFFER.replace('"s2"', '"3"').replace('"h"', '"g"') + KEY
    assert problems(tmp_path, text) == ["server[0].sensor_id: server[1] has it for its name"]
    assert load_text(tmp_path, text.replace("= 3", "= 4")).sniffers[1].name == "3"
