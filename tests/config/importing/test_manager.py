"""Asterisk's manager.conf becomes a configuration that amp takes, and no account gets more than it had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amp.config.importing.asterisk_config import read_config
from amp.config.importing.manager import import_manager
from amp.config.importing.manager_general import GENERAL
from amp.config.importing.manager_users import ACCOUNT
from amp.config.importing.rights import written
from amp.config.schema import Config
from amp.config.secret import Secret
from amp.core.policy.classes import DOORS
from config.importing.converted import asterisks
from config.loading import load_text

FILES = Path(__file__).parent / "files"


SAID = [
    "writetimeout = 5000:",
    "setvar = PBXACCOUNT=panel:",
    "deny = 0.0.0.0/0.0.0.0:",
    "acl = office:",
    "colour = blue: not known here",
    "nonsense: no class",
    "nobody has no secret",
    "same name (case aside)",
    "without its event filters",
    "#include manager.d/*.conf",
    "timestampevents = yes: stays",
    "madeup = 1: no option",
    '#address = "0.0.0.0"',
    "displayconnects = no:",
    " allowmultiplelogin = yes",
    " secret = drawn",
]


def no_certificate(path: str) -> str:
    return "cannot read"


def good_certificate(path: str) -> str:
    return ""


def convert(text: str, judge: object = no_certificate) -> str:
    assert callable(judge)
    return import_manager(text, draw_secret=lambda: "drawn", certificate_problem=judge).text


def load(folder: Path, text: str) -> Config:
    return load_text(folder, convert(text))


def test_a_whole_file(tmp_path: Path) -> None:
    text = (FILES / "manager.conf").read_text()
    config = load(tmp_path, text)
    (server,) = asterisks(config)
    assert (server.host, server.port, server.username, server.secret.reveal()) == (
        "127.0.0.1",
        5038,
        "amp",
        "drawn",
    )
    (listen,) = config.listen
    assert (listen.address, listen.port) == ("127.0.0.1", 15038), (
        "permit and deny would be lost on the network"
    )
    panel, admin = config.user
    assert panel.secret == Secret("pa;nel")
    assert panel.read == ("system", "call", "agent", "user")
    assert panel.write[:2] == ("call", "originate")
    assert set(panel.write[2:]) == {
        "function_calls", "special_variables", "originate_application", "contexts", "files",
    }  # fmt: skip
    assert panel.eventfilter == (
        "Event: (Newchannel|Hangup)",
        "!Channel: Local/",
        "eventfilter(name(Newstate),header(ChannelStateDesc),method(exact)) = Up",
    )
    assert (admin.secret, admin.read) == (Secret("admin"), ("all",))
    assert set(admin.write) == {"all", *DOORS}
    assert config.limits.login_timeout_s == 20.0
    assert config.limits.strangers == 50


def test_what_a_whole_file_says_besides() -> None:
    text = convert((FILES / "manager.conf").read_text())
    flat = re.sub(r"\n# |\s+", " ", text)
    for said in SAID:
        assert said in flat
    assert "hidden" not in text


def test_tls_gets_a_listener_of_its_own() -> None:
    conf = (
        "[general]\nbindaddr = 127.0.0.1\ntlsenable = yes\ntlsbindaddr = [::1]:6000\ntlscertfile = /c.pem\n"
        "tlsprivatekey = /k.pem\n"
    )
    assert (
        'address = "::1"\nport = 16000\ntls = "required"\ncertificate = "/c.pem"\nprivate_key = "/k.pem"'
    ) in convert(conf, good_certificate)
    assert "\n# Left out: the certificate cannot be used here: cannot read.\n#[[listen]]" in convert(conf)
    assert "private_key" not in convert("[general]\ntlsenable=1\ntlscertfile = /c.pem\n", good_certificate)
    assert "manager.conf names none" in convert("[general]\ntlsenable = yes\n")


def test_our_own_account_and_port_are_free_ones(tmp_path: Path) -> None:
    config = load(tmp_path, "[general]\nport = 60000\nbindaddr = 192.0.2.5\n[AMP]\nsecret = x\n")
    (server,) = asterisks(config)
    assert server.username == "amp-proxy"
    assert server.host == "192.0.2.5"
    assert config.listen[0].port == 50000


@pytest.mark.parametrize(
    ("classes", "doors"),
    [
        ([], set()),
        (
            ["system"],
            {"mixmonitor_command", "dbput", "module_load", "dialplan_extension", "function_calls", "files"},
        ),
        (["config"], set()),
        (["command"], set()),
        (["call"], {"function_calls", "special_variables", "originate_application", "contexts", "files"}),
        (["all"], set(DOORS)),
    ],
)
def test_doors_that_classes_led_through(classes: list[str], doors: set[str]) -> None:
    words = [word for word, _ in written(classes)]
    assert words[: len(classes)] == classes
    assert set(words[len(classes) :]) == doors
    assert all(note for word, note in written(classes) if word in DOORS)


def test_sections_templates_and_comments() -> None:
    file = read_config(
        "[t](!)\na = 1\n[u](!,t)\nb=2\n[x](t, u)\na => 3 ; c\n[y] ; c\n"
        "v = a\\;b ;-- c\n hidden = 1 --; w = 2\n"
        "[x](+)\nz = 9\n[y]\nagain = 1\n;---- drawn\nafter = 1\nno equals\n[n](+)\nn = 1\n#exec x\n"
    )
    assert [(section.name, section.lines) for section in file.sections] == [
        ("x", [("a", "1"), ("a", "1"), ("b", "2"), ("a", "3"), ("z", "9")]),
        ("y", [("v", "a;b"), ("w", "2"), ("again", "1"), ("after", "1")]),
        ("n", [("n", "1")]),
    ]
    assert file.includes == ["#exec x"]


def test_every_reason_is_a_sentence() -> None:
    assert all(reason == "" or reason.endswith(".") for reason in (*GENERAL.values(), *ACCOUNT.values()))


words = st.sampled_from([*GENERAL, *ACCOUNT, "eventfilter(name(X))", "bogus", ""])
values = st.sampled_from(
    [
        "yes",
        "no",
        "0",
        "99999",
        "0.0.0.0",
        "::",
        "[::]:1",
        "all",
        "call,bogus",
        "(",
        "!x",
        "/c.pem",
        "\x07",
        "é",
        "a" * 600,
    ]
) | st.text(max_size=20)
files = st.lists(
    st.tuples(words, values).map(lambda pair: f"{pair[0]} = {pair[1]}")
    | st.sampled_from(
        ["[general]", "[a]", "[A]", "[amp]", "[b](!)", "[c](b)", "[]", "[x](+)", ";--", "--;", "#include x"]
    ),
    max_size=25,
).map("\n".join)


@given(files | st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_there_the_result_passes(tmp_path: Path, text: str) -> None:
    load(tmp_path, text)
