"""Every row of the tables for those who come from astmanproxy, played: import, run, talk.

A row is found by its first cell. One without a transcript fails, and so does a transcript without a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import bcrypt
import pytest
import trio

from amp.config.importing.astmanproxy import import_astmanproxy
from amp.config.load import load
from amp.config.schema import Config
from shell.harness import PATIENCE_S, lab
from shell.transcript import play

PAGE = (Path(__file__).parents[2] / "docs" / "migrate-from-astmanproxy.md").read_text()


def names(cells: Iterable[str]) -> list[str]:
    """Every name in some first cells: a row may be about several."""
    return sorted(name for cell in cells for name in cell.split(", "))


def rows(title: str) -> list[str]:
    """The first cells of the table under a title, without their marks."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [line.split(" | ")[0].removeprefix("| ").replace("`", "") for line in lines[2:]]


# -- action by action

CONF = """host = a, 5038, u, s, on, off
host = b, 5038, u, s, on, off
authrequired = yes
proxykey = letmein
autofilter = unique
listenaddress = 127.0.0.1
listenport = 0
acceptunencryptedconnection = yes
"""
USERS = f"""steve=pw
mary=pw
narrow=pw,SIP/1
more=pw,SIP/1,,,,,y
out=pw,,mine
of-b=pw,,,,,b
hashed={bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()}
cdrs=pw,,,,,,,cdronly
"""

ACTIONS = {
    "Action: Login with Secret, or AuthType: MD5 with Key": """
        A=

        A> Action: Login
        A> Username: steve
        A> Secret: pw
        A> Events: off

        A< Response: Success
        A< Message: Authentication accepted

        a: NotSeen

        A> Action: Challenge
        A> AuthType: MD5

        A< Response: Success
        A< Challenge: *

        A> Action: Login
        A> Username: mary
        A> AuthType: MD5
        A> Key: {key}
        A> Events: off

        A< Response: Success

        A> Action: Login
        A> Username: steve
        A> Secret: wrong

        A< Response: Error
        A< Message: Authentication failed

        A.
    """,
    "Action: Challenge": """
        A=

        A> Action: Challenge
        A> AuthType: MD5
        A> ActionID: 1

        A< Response: Success
        A< ActionID: 1
        A< Challenge: *
    """,
    "Action: Logoff": """
        A= steve

        A> Action: Logoff

        A< Response: Goodbye
        A< Message: Thanks for all the fish.

        A.
    """,
    "Action: Events, WaitEvent, Filter, and Ping without Server:": """
        A= steve

        B= mary events

        A> Action: Events
        A> EventMask: on

        A< Response: Success
        A! Server

        A> Action: Filter
        A> Operation: Add
        A> Filter: !UserEvent: Hidden

        A< Response: Success
        A! Server

        a: Hidden

        a: Seen

        A< Event: UserEvent
        A< UserEvent: Seen

        B~ Event: UserEvent
        B~ UserEvent: Hidden

        A> Action: WaitEvent
        A> Timeout: 0

        A< Response: Success
        A! Server

        A< Event: WaitEventComplete

        A> Action: Ping

        A< Response: Success
        A< Ping: Pong
        A! Server
    """,
    "any other action": """
        A= steve

        B= mary

        A> Action: CoreStatus
        A> ActionID: 7

        A< Response: Success
        A< ActionID: 7
        A< Server: a

        A> Action: CoreStatus

        A< Response: Success
        A! ActionID

        B> Action: Ping

        B< Ping: Pong
    """,
    "Server: host in an action": """
        A= steve

        A> Action: CoreStatus
        A> Server: b
        A> ActionID: 1

        A< Response: Success
        A< Server: b

        A> Action: CoreStatus
        A> Server: c

        A< Response: Error
        A< Message: Not sent: unknown server c

        b-

        A> Action: CoreStatus
        A> Server: b

        A< Response: Error
        A< Message: Not sent: *
        A< Server: b
    """,
    "ActionID": """
        A= steve

        A> ProxyAction: SetAutoFilter
        A> AutoFilter: On

        A< ProxyResponse: Success

        A> Action: CoreStatus
        A> ActionID: amp7-x:\t1

        A< Response: Success
        A< ActionID: amp7-x:\t1
    """,
    "an action of a filtered user that is refused": """
        A= narrow

        A> Action: Hangup
        A> Channel: SIP/2-00000001
        A> ActionID: 1

        A< Response: Error
        A< ActionID: 1
        A< Message: Permission denied*
    """,
    "ProxyKey": """
        A=

        A> Action: CoreStatus
        A> ProxyKey: letmein
        A> ActionID: 1

        A~ Response: Success
        A~ ActionID: 1

        A> Action: CoreStatus
        A> ActionID: 2

        A~ Response: Success
        A~ ActionID: 2

        B=

        B> Action: CoreStatus
        B> ProxyKey: wrong

        B< Response: Error
        B< Message: Authentication failed

        B.
    """,
    "ProxyAction: ListSessions, ListServers, ListIOHandlers, SetAutoFilter, Logoff": """
        A= steve

        A> ProxyAction: ListSessions
        A> ActionID: 1

        A< ProxyResponse: Success
        A< ActionID: 1
        A< ProxyClientSession: 127.0.0.1
        A< ProxyClientActionID:*
        A< ProxyClientInputHandler: standard
        A< ProxyClientOutputHandler: standard
        A< ProxyServerSession: 127.0.0.1

        A> ProxyAction: ListServers

        A< ProxyResponse: Success
        A< ProxyListServer I: 127.0.0.1 H: a U: amp P: * E: on *
        A< ProxyServerState N: a K: asterisk S: up V: *
        A< ProxyListServer I: 127.0.0.1 H: b U: amp P: * E: on *

        A> ProxyAction: ListIOHandlers

        A< ProxyResponse: Success
        A< InputHandler: standard
        A< OutputHandler: standard
        A< InputHandler: xml

        A> ProxyAction: SetAutoFilter
        A> AutoFilter: Off

        A< ProxyResponse: Success
        A< AutoFilter: 0

        A> ProxyAction: Nonsense

        A< ProxyResponse: Error

        A> ProxyAction: Logoff

        A< Response: Goodbye

        B=

        B> ProxyAction: ListServers

        B< ProxyResponse: Error
        B< Message: Permission denied
    """,
    "ProxyAction: SetOutputFormat, SetInputFormat": """
        A= steve

        A> ProxyAction: SetInputFormat
        A> InputFormat: http

        A< ProxyResponse: Failure
        A< Message: Expected InputFormat: one of *

        A> ProxyAction: SetOutputFormat
        A> OutputFormat: csv

        A< "ProxyResponse: Success","OutputFormat: csv"

        A> Action: Ping

        A< "Response: Success","Ping: Pong","Timestamp: *"
    """,
    "ProxyAction: AddServer, DropServer": """
        A= steve

        A> ProxyAction: AddServer
        A> Server: 127.0.0.1
        A> Username: u
        A> Secret: s
        A> Port: 9
        A> Events: on

        A< ProxyResponse: Failure
        A< Message: Could not add 127.0.0.1: *

        A> ProxyAction: AddServer
        A> Server: 127.0.0.2
        A> Username: u
        A> Secret: s
        A> Port: 9
        A> Events: on

        A< ProxyResponse: Success
        A< Message: Added 127.0.0.2

        A> ProxyAction: DropServer
        A> Server: 127.0.0.2

        A< ProxyResponse: Success
        A< Message: Dropped 127.0.0.2

        A> ProxyAction: DropServer
        A> Server: 127.0.0.2

        A< ProxyResponse: Failure
        A< Message: Cannot Drop Server 127.0.0.2, Does Not Exist
    """,
    "blank blocks": """
        A= steve

        A>

        A>

        A> Action: Ping

        A< Response: Success
        A< Ping: Pong
    """,
}

FIELDS_PLAYED = {
    "channel": """
        A= narrow events

        A< Event: FullyBooted

        a: Hidden
        a: Channel: SIP/2-00000001

        a: NamesNone

        a: Seen
        a: Channel: sip/1-00000001

        A< Event: UserEvent
        A< UserEvent: Seen

        A> Action: Hangup
        A> Channel: SIP/2-00000001

        A< Response: Error
        A< Message: Permission denied*
    """,
    "more_events": """
        A= more events

        A< Event: FullyBooted

        a: Hidden
        a: Channel: SIP/2-00000001

        a: NamesNone

        A< Event: UserEvent
        A< UserEvent: NamesNone
    """,
    "out_context": """
        A= out

        A> Action: Originate
        A> Channel: SIP/1
        A> Context: other
        A> Exten: 1
        A> Priority: 1

        A< Response: Error
        A< Message: Permission denied*
    """,
    "server": """
        A= of-b

        A> Action: CoreStatus
        A> ActionID: 1

        A< Response: Success
        A< ActionID: 1
        A< Server: b
    """,
    "secret": """
        A= steve

        A> Action: Ping

        A< Ping: Pong
    """,
    "a bcrypt hash (1.30: $2a$, $2b$, $2x$, $2y$)": """
        A= hashed

        A> Action: Ping

        A< Ping: Pong

        B=

        B> Action: Challenge
        B> AuthType: MD5

        B< Response: Success

        B> Action: Login
        B> Username: hashed
        B> AuthType: MD5
        B> Key: {key}

        B< Response: Error
        B< Message: Authentication failed; * logs in with Secret, not with Key
    """,
    "filters: cdronly, brionly, xfronly, novar": """
        A= cdrs events

        A< Event: FullyBooted

        a: Hidden

        A> Action: Ping

        A< Ping: Pong
    """,
}

HTTP = "HTTP (GET /?Action=Ping)"


def imported(folder: Path, conf: str, users: str = "") -> tuple[str, Config]:
    """What ``amp import`` prints, and what amp makes of that."""
    text = import_astmanproxy(
        conf, users, draw_secret=lambda: "drawn", certificate_problem=lambda _: "none"
    ).text
    (folder / "amp.toml").write_text(text)
    return text, load(folder / "amp.toml", {})


def test_every_action_has_a_transcript() -> None:
    assert names(rows("Action by action")) == names([*ACTIONS, HTTP])


async def played(folder: Path, transcript: str) -> None:
    """Against amp with the imported users and listener."""
    _, config = imported(folder, CONF, USERS)
    async with lab("a", "b", users=config.user, proxy=config.proxy, listen=config.listen) as one:
        await play(one, transcript)


@pytest.mark.parametrize("row", ACTIONS)
async def test_what_clients_send(row: str, tmp_path: Path) -> None:
    await played(tmp_path, ACTIONS[row])


@pytest.mark.parametrize("row", FIELDS_PLAYED)
async def test_what_a_field_does(row: str, tmp_path: Path) -> None:
    assert row in FIELDS
    await played(tmp_path, FIELDS_PLAYED[row])


async def test_http_on_the_imported_port(tmp_path: Path) -> None:
    _, config = imported(tmp_path, CONF + "inputformat = http\noutputformat = xml\n", USERS)
    async with lab("a", users=config.user, proxy=config.proxy, listen=config.listen) as one:
        stream = await trio.open_tcp_stream("127.0.0.1", one.port)
        ask = "GET /?Action=Ping&ActionID=Foo&Username=steve&Secret=pw HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
        answer = b""
        async with stream:
            await stream.send_all(ask.encode())
            with trio.fail_after(PATIENCE_S):
                async for data in stream:
                    answer += data
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\ncontent-type: text/xml" in answer.lower()
        assert b'<ActionID Value="Foo"/>' in answer


# -- option by option, field by field: lines of astmanproxy's files, and what must be in what comes out

LISTEN = "acceptunencryptedconnection = yes\nlistenaddress = 127.0.0.1\nlistenport = 5038\n"
HOST = "host = pbx1, 5038, u, s, on, off\n"

OPTIONS: dict[str, list[tuple[str, str]]] = {
    "host = address, port, user, secret, events, use_ssl": [
        ("host = pbx1, 5039, amp, s3, call, off\nhost = pbx1, 5040, amp, s3, on, off\n",
         r'\[\[server\]\]\n(?:#.*\n)*name = "pbx1-5039"\nhost = "pbx1"\nport = 5039\nusername = "amp"\n'
         r'secret = "s3"\nevents = "call"\n[^[]*\[\[server\]\]\n(?:#.*\n)*name = "pbx1-5040"'),
    ],
    "… use_ssl = on": [("host = pbx1, 5038, u, s, on, on\n", r'tls = "insecure"\n')],
    "retryinterval": [
        (HOST + "retryinterval = 5\n", r'reconnect_first = "5s"\n'),
        (HOST + "retryinterval = 60\n", r'reconnect_max = "60s"\n(?:#.*\n)*reconnect_first = "60s"\n'),
    ],
    "maxretries": [(HOST + "maxretries = 3\n", r"# maxretries = 3: amp never gives up")],
    "asteriskwritetimeout": [(HOST + "asteriskwritetimeout = 100\n", r"# asteriskwritetimeout = 100: ")],
    "clientwritetimeout": [(HOST + "clientwritetimeout = 100\n", r"# clientwritetimeout = 100: ")],
    "listenaddress, listenport": [
        (HOST + "acceptunencryptedconnection = yes\nlistenaddress = *\nlistenport = 1234\n",
         r'\[\[listen\]\]\naddress = "0\.0\.0\.0"\nport = 1234\n'),
    ],
    "acceptencryptedconnection, acceptunencryptedconnection": [
        (HOST + LISTEN, r'address = "127\.0\.0\.1"\nport = 5038\n(?!tls)'),
        (HOST + LISTEN + "acceptencryptedconnection = yes\ncertfile = GOOD\n", r'\ntls = "optional"\n'),
        (HOST + "acceptencryptedconnection = yes\ncertfile = GOOD\n", r'\ntls = "required"\n'),
        (HOST + "listenaddress = *\n", r'astmanproxy took neither [^[]*address = "127\.0\.0\.1"\n'),
    ],
    "certfile": [
        (HOST + LISTEN + "acceptencryptedconnection = yes\ncertfile = GOOD\n", r'certificate = "GOOD"\n'),
        (HOST + LISTEN + "acceptencryptedconnection = yes\ncertfile = BAD\n", r'#certificate = "BAD"\n'),
    ],
    "sslclienthellotimeout": [(HOST + "sslclienthellotimeout = 5\n", r'detect_timeout = "10ms"\n')],
    "authrequired": [
        (HOST + "authrequired = yes\n", r'authentication = "required"\n'),
        (HOST, r'Was open(?s:.*)authentication = "none"\nanonymous_user = "anonymous"\n'),
    ],
    "proxykey": [
        (HOST + "proxykey = letmein\n", r'proxy_key = "letmein"\nproxy_key_user = "proxy-key"\n'),
    ],
    "proc_user, proc_group": [
        (HOST + "proc_user = x\nproc_group = y\n", r"# proc_user = x: (?s:.*)# proc_group = y: "),
    ],
    "inputformat": [
        (HOST + LISTEN + "inputformat = xml\n", r'input_format = "xml"\n'),
        (HOST + LISTEN + "inputformat = http\n", r'protocols = \["ami", "http"\]\n'),
    ],
    "outputformat": [(HOST + LISTEN + "outputformat = csv\n", r'output_format = "csv"\n')],
    "autofilter": [
        (HOST + "autofilter = unique\n", r'\nautofilter = "unique"\n'),
        (HOST + "autofilter = off\n", r"showed every client the answers(?s:.*)\nautofilter = \"off\"\n"),
    ],
    "logfile": [
        (HOST + "logfile = GOOD.log\n", r'\[log\]\n(?:#.*\n)*file = "GOOD\.log"\n'),
        (HOST + "logfile = BAD.log\n", r'\[log\]\n(?:#.*\n)*#file = "BAD\.log"\n'),
    ],
    "filterlocal (fork)": [(HOST + "filterlocal = allow\n|anna=pw,SIP/1\n", r'\nfilter_local = "allow"\n')],
    "forcebanner (fork)": [
        (HOST + 'forcebanner = "Asterisk Call Manager/1.3"\n', r'greeting = "Asterisk Call Manager/1\.3"\n'),
        (HOST, r'#greeting = "Asterisk Call Manager Proxy/1\.21"\n'),
    ],
}  # fmt: skip

BCRYPT = "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"

FIELDS: dict[str, list[tuple[str, str]]] = {
    "user": [("Anna=p\nanna=p2\n", r'Left out: line 1: (?s:.*)\n\[\[user\]\]\nname = "anna"\n')],
    "secret": [("anna=pw\n", r'\nsecret = "pw"\n'), ("anna=\n", r"Left out: the secret was empty")],
    "a bcrypt hash (1.30: $2a$, $2b$, $2x$, $2y$)": [
        (f"anna={BCRYPT}\n", r'\nsecret_hash = "\$2y\$05\$'),
    ],
    "another hash ($1$, $5$, $6$)": [
        ("anna=$1$abcdefgh$0123456789012345678901\n", r"Left out: its secret looks like a hash"),
    ],
    "channel": [("anna=pw,SIP/snom\n", r'\nchannel = "SIP/snom"\n')],
    "out_context": [("anna=pw,,out\n", r'\nout_context = "out"\n')],
    "in_context": [("anna=pw,,,in\n", r'\nin_context = "in"\n')],
    "account": [("anna=pw,,,,acc\n", r'\naccount = "acc"\n')],
    "server": [
        ("anna=pw,,,,,pbx1\n", r'\nserver = "pbx1"\nservers = \[\]\non_server_loss = "event"\n'),
        ("anna=pw,,,,,away\n", r"# server = away: no host has this name"),
    ],
    "more_events": [("anna=pw,SIP/1,,,,,y\n", r"\nmore_events = true\n")],
    "filters: cdronly, brionly, xfronly, novar": [
        ("anna=pw,,,,,,,cdronly|novar\n", r"\ncdronly = true\nnovar = true\n"),
    ],
    "filters: asterix": [("anna=pw,,,,,,,asterix\n", r"# filter asterix: ")],
}  # fmt: skip


def converted(folder: Path, conf: str, users: str) -> str:
    """What comes out, which amp takes; certificates and logs called GOOD can be used."""
    text = import_astmanproxy(
        conf,
        users,
        draw_secret=lambda: "drawn",
        certificate_problem=lambda path: "" if path == "GOOD" else "it is bad",
        log_problem=lambda path: "" if path == "GOOD.log" else "it is bad",
    ).text
    taken = re.sub(r'^(certificate = |tls = "(required|optional)")', r"#\1", text, flags=re.MULTILINE)
    (folder / "amp.toml").write_text(taken)
    load(folder / "amp.toml", {})
    return text


def test_every_option_and_field_has_a_transcript() -> None:
    assert names(rows("astmanproxy.conf, option by option")) == names(OPTIONS)
    assert names(rows("astmanproxy.users, field by field")) == names(FIELDS)


@pytest.mark.parametrize("row", OPTIONS)
def test_an_option_becomes_what_the_table_says(row: str, tmp_path: Path) -> None:
    for given, wanted in OPTIONS[row]:
        conf, _, users = given.partition("|")
        assert re.search(wanted, converted(tmp_path, conf, users))


@pytest.mark.parametrize("row", FIELDS)
def test_a_field_becomes_what_the_table_says(row: str, tmp_path: Path) -> None:
    for users, wanted in FIELDS[row]:
        assert re.search(wanted, converted(tmp_path, HOST + "authrequired = yes\n", users))
