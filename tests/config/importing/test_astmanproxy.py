"""astmanproxy's files become a configuration that amp takes, and nobody gets more than it had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amp.config.importing.astmanproxy import import_astmanproxy
from amp.config.importing.astmanproxy_files import read_conf, read_users
from amp.config.importing.astmanproxy_options import OPTIONS, whole
from amp.config.importing.astmanproxy_users import FIELDS, FILTERS
from amp.config.importing.rights import DOOR_NOTES, EVERYTHING
from amp.config.importing.table import Imported
from amp.config.schema import Config
from amp.config.secret import Secret
from amp.core.policy.classes import DOORS, Door
from config.importing.converted import asterisks
from config.loading import load_text

FILES = Path(__file__).parent / "files"
ALL_RIGHTS = {"all", "admin", *DOORS}
HOST = "host = h, 5038, u, s, on, off\n"


def no_certificate(path: str) -> str:
    return "cannot read"


def good_certificate(path: str) -> str:
    return ""


def convert(conf: str, users: str | None = None, judge: object = no_certificate) -> str:
    return imported(conf, users, judge).text


def imported(conf: str, users: str | None = None, judge: object = no_certificate) -> Imported:
    assert callable(judge)
    return import_astmanproxy(conf, users, draw_secret=lambda: "drawn", certificate_problem=judge)


def load(folder: Path, conf: str, users: str | None = None, judge: object = no_certificate) -> Config:
    return load_text(folder, convert(conf, users, judge))


def test_the_original(tmp_path: Path) -> None:
    conf = (FILES / "original.conf").read_text()
    config = load(tmp_path, conf)
    assert config.proxy.authentication == "none"
    assert config.proxy.autofilter == "off"
    assert config.proxy.detect_timeout_s == 0.2
    (listen,) = config.listen
    assert (listen.address, listen.port, listen.tls) == ("0.0.0.0", 1234, "off")
    first, second = asterisks(config)
    assert (first.name, first.host, first.username, first.secret.reveal()) == (
        "192.0.2.10", "192.0.2.10", "proxy", "Moo5ecret",
    )  # fmt: skip
    assert (first.tls, first.events, first.reconnect_first_s) == ("off", "on", 2.0)
    assert (second.tls, second.events, second.port) == ("insecure", "off", 5039)
    (anonymous,) = config.user
    assert config.proxy.anonymous_user == anonymous.name == "anonymous"
    assert set(anonymous.write) == ALL_RIGHTS
    assert anonymous.read == ("all",)
    assert config.log.file == "/var/log/asterisk/astmanproxy.log"
    text = convert(conf)
    for option in ("maxretries", "asteriskwritetimeout", "clientwritetimeout", "proc_user", "proc_group"):
        assert f"# {option} = " in text


def test_the_forks_settings(tmp_path: Path) -> None:
    conf, users = (FILES / "fork.conf").read_text(), (FILES / "fork.users").read_text()
    config = load(tmp_path, conf, users)
    assert config.proxy.authentication == "required"
    assert config.proxy.greeting == "Asterisk Call Manager/1.3"
    assert config.proxy.autofilter == "unique"
    assert config.proxy.detect_timeout_s == 0.01
    assert config.proxy.proxy_key is not None
    assert config.proxy.proxy_key.reveal() == "letmein"
    assert config.proxy.proxy_key_user == "proxy-key"
    assert [server.reconnect_max_s for server in asterisks(config)] == [60.0, 60.0]
    assert config.listen[0].address == "127.0.0.1"
    names = {user.name: user for user in config.user}
    assert {"steve", "dave", "bill", "anna", "away", "twice", "badname", "hash", "proxy-key"} <= set(names)
    assert not {"empty", "old"} & set(names)
    assert names["twice"].secret == Secret("two")
    assert names["anna"].secret == Secret("pa")
    assert names["badname"].secret == Secret("xy")
    assert names["hash"].secret is None
    assert names["hash"].secret_hash == Secret("$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq")
    assert (names["dave"].server, names["dave"].servers, names["dave"].on_server_loss) == (
        "pbx2",
        ("pbx1",),
        "event",
    )
    assert names["away"].server is None
    assert set(names["bill"].write) == set(names["proxy-key"].write) == ALL_RIGHTS
    text = convert(conf, users, good_certificate)
    assert 'tls = "optional"\ncertificate = "CERTIFICATE"' in text
    for said in (
        "filter asterix",
        "filter funny",
        "server = pbx9",
        "colour = blue: no option",
        "in small letters",
    ):
        assert said in text


NARROWED = {
    "channel": "a=a,SIP/1",
    "out_context": "a=a,,local",
    "in_context": "a=a,,,local",
    "account": "a=a,,,,acc",
    "cdronly": "a=a,,,,,,,cdronly",
    "brionly": "a=a,,,,,,,BriOnly",
    "xfronly": "a=a,,,,,,,xfronly|x",
    "novar": "a=a,,,,,,,novar",
}


@pytest.mark.parametrize("key", NARROWED)
def test_restrictions_are_taken_over(tmp_path: Path, key: str) -> None:
    conf = HOST + "authrequired = yes\n"
    assert f"\n{key} = " in convert(conf, NARROWED[key])
    (user,) = load(tmp_path, conf, NARROWED[key]).user
    assert getattr(user, key)
    assert set(user.write) == ALL_RIGHTS


@pytest.mark.parametrize(
    ("users", "local", "expected", "said"),
    [
        ("a=a,SIP/1,out", "allow", "allow", ""),
        ("a=a,SIP/1", "allow", "allow", ""),
        ("a=a,SIP/1,out", "allowwith", "allowwith", ""),
        ("a=a,SIP/1,out", "enforce", "enforce", ""),
        ("a=a,SIP/1", "enforce", "off", "filterlocal = enforce is about Local channels into out_context"),
        ("a=a,SIP/1,out", "nonsense", "off", ""),
        ("a=a,,out", "enforce", "allow", "Was open: Local channels led into other contexts"),
        ("a=a", "allow", "off", ""),
    ],
)
def test_local_channels(tmp_path: Path, users: str, local: str, expected: str, said: str) -> None:
    """The option was for all users, and for those with a channel only."""
    conf = HOST + f"authrequired = yes\nfilterlocal = {local}\n"
    (user,) = load(tmp_path, conf, users).user
    assert user.filter_local == expected
    assert said in " ".join(convert(conf, users).replace("\n# ", " ").split())


def test_what_is_narrower_than_it_was() -> None:
    """A user with a channel saw everybody's Cdrs with cdronly, and had every door."""
    text = " ".join(
        convert(HOST + "authrequired = yes\n", "a=a,SIP/1,,,,,,cdronly").replace("\n# ", " ").split()
    )
    assert "cdronly: everybody's were shown; now those of the user's channels are." in text
    assert "these stay shut: agi, command, dialplan_extension, function_calls" in text


@pytest.mark.parametrize(
    ("conf", "users", "sections", "settings"),
    [
        (HOST + "authrequired = yes\n", "a=a", 0, 0),
        (HOST + "authrequired = yes\nmaxretries = 3\ncolour = blue\n", "a=a,,,,,,,asterix|funny", 0, 4),
        (HOST + "host = ,,,,,\nauthrequired = yes\n", "a=a,,,,,,,asterix\nA=\n", 3, 0),
        (HOST + "acceptencryptedconnection = yes\ncertfile = /x.pem\nauthrequired = yes\n", "", 0, 1),
        (
            HOST + "authrequired = yes\nacceptunencryptedconnection = yes\nlistenaddress = a:1\n",
            "a=a,\x01",
            0,
            2,
        ),
    ],
)
def test_what_is_only_a_comment_is_counted(conf: str, users: str, sections: int, settings: int) -> None:
    """What stands in a section that is left out does not count again."""
    found = imported(conf, users)
    assert (found.sections, found.settings) == (sections, settings)


def test_encrypted_only_without_a_certificate_is_kept_from_the_network(tmp_path: Path) -> None:
    conf = (
        HOST
        + "acceptencryptedconnection = yes\ncertfile = /x.pem\nlistenaddress = 192.0.2.1\nlistenport = 1\n"
    )
    (listen,) = load(tmp_path, conf).listen
    assert (listen.address, listen.port, listen.tls) == ("127.0.0.1", 1, "off")
    assert '#tls = "required"\n#certificate = "/x.pem"' in convert(conf)
    assert 'tls = "required"\ncertificate = "/x.pem"' in convert(conf, None, good_certificate)


@pytest.mark.parametrize(
    "conf", ["", HOST, "listenaddress = *\n", "bogus\n", "host =\n", "host = a\nhost = a\n"]
)
def test_little_or_nothing(tmp_path: Path, conf: str) -> None:
    config = load(tmp_path, conf)
    assert config.listen[0].address == "127.0.0.1", "neither kind of connection was accepted"


def test_servers_with_one_host_get_names_of_their_own(tmp_path: Path) -> None:
    conf = "host = h, 1, u, s, on, off\nhost = H, 2, u, s, on, off\nhost = h-1, 3, u, s, on, off\n"
    assert len({server.name for server in load(tmp_path, conf).server}) == 3


def test_users_of_a_server_that_is_left_out(tmp_path: Path) -> None:
    """Such a user's actions must not go to another server, and nobody may name a server that is not there."""
    conf = (
        "host = pbx1, 5038, amp, s, on, off\nhost = pbx2, 5038, amp, s\nhost = pbx3, 5038, amp, s, on, off\n"
    )
    users = "anna=a,,,,,pbx1\nbert=b,,,,,PBX2\n"
    config = load(tmp_path, conf, users)
    assert [server.name for server in config.server] == ["pbx1", "pbx3"]
    assert [(user.name, user.server, user.servers) for user in config.user if user.name != "anonymous"] == [
        ("anna", "pbx1", ("pbx3",))
    ]
    text = convert(conf, users)
    assert "# Left out: its server pbx2 is left out" in text
    assert '#server = "pbx2"\n' in text


def test_a_hash_keeps_what_else_is_said_of_its_user(tmp_path: Path) -> None:
    secret = "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"
    conf = "host = pbx1, 5038, amp, s, on, off\nhost = pbx2, 5038, amp, s, on, off\n"
    users = f"anna={secret},SIP/100-,local,,acc,pbx2\n"
    (user,) = (user for user in load(tmp_path, conf, users).user if user.name == "anna")
    assert (user.secret_hash, user.channel, user.out_context) == (Secret(secret), "SIP/100-", "local")
    assert (user.account, user.server, user.servers) == ("acc", "pbx2", ("pbx1",))
    assert user.read
    assert user.write
    assert "expected either secret" not in convert(conf, users)


def test_secrets_that_were_read_in_small_letters_are_told() -> None:
    assert "in small letters" in convert("host = h, 1, u, SECRET, on, off\n")
    assert "in small letters" not in convert("host = h, 1, u, secret, on, off\n")
    assert "in small letters" in convert(HOST + "proxykey = KEY\n")


def test_what_astmanproxy_read_of_a_line_is_told() -> None:
    assert "only up to a ; or #" in convert("host = h, 1, u, se;cret, on, off\n")
    assert "up to a ; or #" in convert(HOST + "proxykey = a=b\n")


def test_how_lines_are_read() -> None:
    text = '; c\n# c\n\n  a = b c ; d\nE=f#g\n=x\nlone\nq = " x = y " z\nr = "x;y"\ns==t\r\n'
    assert [(line.name, line.value, line.cut) for line in read_conf(text)] == [
        ("a", "bc", False), ("E", "f", True), ("", "x", False), ("lone", "", False), ("q", " x = y ", False),
        ("r", "x", True), ("s", "t", True),
    ]  # fmt: skip
    assert [line.value for line in read_users('u = "a b"')] == ['"ab"']


@pytest.mark.parametrize(
    ("text", "number"), [("", 0), ("12", 12), ("12ms", 12), ("x", 0), ("-3", -3), ("+4", 4)]
)
def test_numbers_as_c_reads_them(text: str, number: int) -> None:
    assert whole(text) == number


def test_every_door_is_told() -> None:
    assert set(DOOR_NOTES) == set(Door)
    assert {word for word, _ in EVERYTHING} == ALL_RIGHTS


def test_every_option_comes_out(tmp_path: Path) -> None:
    """As a setting, or as a comment with its reason; the list is kept by hand against the sources."""
    told = {
        "host": "[[server]]",
        "retryinterval": "reconnect_first",
        "listenaddress": "address",
        "listenport": "port",
        "sslclienthellotimeout": "detect_timeout",
        "authrequired": "authentication",
        "acceptencryptedconnection": "tls",
        "acceptunencryptedconnection": "tls",
        "certfile": "certificate",
        "proxykey": "proxy_key",
        "logfile": "file",
        "autofilter": "autofilter",
        "filterlocal": "filter_local",
        "outputformat": "output_format",
        "inputformat": "input_format",
        "forcebanner": "greeting",
    }
    conf = "".join(
        f"{name} = {'xml' if name.endswith('format') else '7'}\n" for name in OPTIONS if name != "host"
    )
    conf += HOST + "filterlocal = allow\nacceptencryptedconnection = yes\n"
    text = convert(conf, "a=a,SIP/1")
    for name, reason in OPTIONS.items():
        assert told[name] in text if not reason else f"# {name} = " in text
    load(tmp_path, conf, "a=a,SIP/1")


lines = st.lists(
    st.tuples(
        st.sampled_from([*OPTIONS, "bogus", ""]),
        st.sampled_from(
            [
                "yes",
                "no",
                "0",
                "99999999999",
                "h, 5038, u, s, on, off",
                "h,1,u,s,on,on",
                ",,,,,",
                "x y",
                "é",
                "*",
                "999.1.1.1",
                '"quoted = ; x"',
                "\x07",
                "first",
                "a,b*c",
                "xml",
                "http",
                "on",
                "a" * 300,
            ]
        )
        | st.text(max_size=30),
    ).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    max_size=15,
).map("\n".join)
people = st.lists(
    st.tuples(
        st.sampled_from(["a", "A", "anonymous", "proxy-key", "é", "x" * 300, ""]),
        st.sampled_from(
            ["s,SIP/1", "s,,c,d,e,h,y,cdronly|novar", "", "$2y$05$x", "s,,,,,nowhere", "\x01", "s" * 2000]
        )
        | st.text(max_size=30),
    ).map(lambda pair: f"{pair[0]}={pair[1]}"),
    max_size=6,
).map("\n".join)


@given(lines, people, st.sampled_from(["", "cannot read"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_there_the_result_passes(tmp_path: Path, conf: str, users: str, problem: str) -> None:
    def judge(path: str) -> str:
        return problem or "there is no such file in this test"

    load(tmp_path, conf, users, judge)


@given(st.text(max_size=300), st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_passes_too(tmp_path: Path, conf: str, users: str) -> None:
    load(tmp_path, conf, users)


def test_the_page_for_those_who_move_has_every_option() -> None:
    page = (Path(__file__).parents[3] / "docs" / "migrate-from-astmanproxy.md").read_text()
    for name in (*OPTIONS, *FIELDS, *FILTERS, "asterix"):
        assert re.search(rf"^\|.*`[^`|]*\b{name}\b", page, re.MULTILINE), name


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\x0b", "\x1c", "\x7f", '"', "\\", "'"])
def test_secrets_with_odd_characters(tmp_path: Path, char: str) -> None:
    (user,) = load(tmp_path, HOST + "authrequired = yes", f"a=x{char}y").user
    assert user.secret == Secret(f"x{char}y")
