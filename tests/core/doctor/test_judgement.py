"""What ``amp doctor`` makes of what it sees, with values."""

from __future__ import annotations

from pathlib import Path

import pytest

from amp.core.ami.frame import Frame
from amp.core.doctor.asterisk import (
    Account,
    Needs,
    Visit,
    judge_visit,
    read_account,
    usable_actions,
)
from amp.core.doctor.certificates import judge_certificate
from amp.core.doctor.clock import Skew, judge_clock, judge_newest
from amp.core.doctor.finding import Finding, State, fail, ok, warn
from amp.core.doctor.machine import judge_descriptors, judge_mode, judge_port
from amp.core.doctor.report import exit_code, rows, table
from amp.core.doctor.sniffer import judge_failure, judge_reply, newest_packet
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure

RECORDINGS = Path(__file__).parents[2] / "captures" / "asterisk-22"
DAY = 86400.0
NEEDS = Needs(read=frozenset(("system", "call")), write=frozenset(("originate", "agi")), several=True)

SHOWN = b"""Response: Success\r
Message: Command output follows\r
Output: \r
Output:              username: amp\r
Output:                secret: <Set>\r
Output:                   ACL: no\r
Output:             read perm: system,call,all\r
Output:            write perm: <none>\r
Output:     allowmultiplelogin: no\r
Output:             Variables: \r
Output:    read perm: forged in a variable\r
Output: none"""


def recorded(name: str) -> Frame:
    """The longest frame of a recording's answers."""
    data = (RECORDINGS / f"{name}.s2c.bin").read_bytes()
    return Frame.parse(max(data.split(b"\r\n\r\n"), key=len))


def visit(**more: object) -> dict[str, Finding]:
    """Findings by check."""
    seen = Visit(username="amp", **more)  # type: ignore[arg-type]  # each test gives a field its type
    return {finding.check: finding for finding in judge_visit("server a", seen, NEEDS)}


def test_the_actions_of_a_recorded_listing() -> None:
    actions = usable_actions(recorded("list-commands"))
    assert {"originate", "ping", "mixmonitor", "modulecheck", "redirect", "corestatus"} <= actions
    assert not actions & {"response", "actionid"}


def test_the_account_as_the_console_shows_it() -> None:
    account = read_account(SHOWN)
    assert account == Account(frozenset(("system", "call")), frozenset(), several=False)
    bare = SHOWN.replace(b"Output:", b"")  # Response: Follows, before Asterisk 14
    assert read_account(bare) == account
    assert read_account(b"Response: Error\r\nMessage: Permission denied") is None
    assert read_account(b"read perm: all\r\nno colon") is None


def test_an_account_that_lacks_rights_and_signs_in_once() -> None:
    found = visit(account=Account(frozenset(("system",)), frozenset(("originate",)), several=False))
    assert found["reads"].state is State.WARN
    assert "does not read call:" in found["reads"].found
    assert "add call to read of [amp]" in found["reads"].advice
    assert "does not write agi:" in found["writes"].found
    assert "allowmultiplelogin" in found["logins"].advice


def test_an_account_that_has_all() -> None:
    account = Account(frozenset(("system", "call")), frozenset(("originate", "agi")), several=True)
    found = visit(account=account, skew=Skew(0.5, 0.0))
    assert {finding.state for finding in found.values()} == {State.OK}
    assert set(found) == {"reads", "writes", "clock"}


def test_without_the_right_command_only_what_is_sure_is_told() -> None:
    found = visit(booted=True, actions=frozenset(("originate", "ping")))
    assert {finding.state for finding in found.values()} == {State.OK}  # of agi nothing is known
    found = visit(booted=False, actions=frozenset(("ping",)))
    assert "FullyBooted" in found["reads"].found
    assert "does not write originate:" in found["writes"].found
    assert visit()["writes"].state is State.OK
    nothing = Needs(read=frozenset(), write=frozenset(), several=False)
    unasked = next(iter(judge_visit("server a", Visit(username="amp"), nothing)))
    assert unasked.state is State.OK


@pytest.mark.parametrize(
    ("skew_s", "doubt_s", "state", "says"),
    [
        (1.9, 0.0, State.OK, "within 2 s"),
        (-4.0, 3.0, State.OK, "within 2 s"),
        (4.0, 0.5, State.WARN, "4.0 s ahead of"),
        (-90.0, 0.5, State.WARN, "90.0 s behind"),
    ],
)
def test_clocks(skew_s: float, doubt_s: float, state: State, says: str) -> None:
    found = judge_clock("server a", Skew(skew_s, doubt_s))
    assert found.state is state
    assert says in found.found


def test_what_is_told_is_compared_with_the_middle_of_asking_and_hearing() -> None:
    assert Skew.of(10.5, 10.0, 11.0) == (0.0, 0.5)
    assert Skew.of(7, 10.0, 11.0, unit_s=1.0) == (-3.0, 1.0)


@pytest.mark.parametrize(("newest", "state"), [(102, State.OK), (5, State.OK), (103, State.WARN)])
def test_a_clock_of_which_only_the_past_is_known(newest: int, state: State) -> None:
    found = judge_newest("sniffer s", newest, 100.0)
    assert (found.check, found.state) == ("clock", state)
    assert state is State.OK or found.found.startswith("at least 3.0 s ahead")


@pytest.mark.parametrize(
    ("recording", "expected"),
    [("plain-listcalls-26-sort-caller-asc", 1795290472), ("plain-listcalls-0-params", None)],
)
def test_the_newest_packet_of_recorded_calls(recording: str, expected: int | None) -> None:
    reply = (RECORDINGS.parent / "voipmonitor-2026.04" / f"{recording}.s2c.bin").read_bytes()
    assert newest_packet(reply) == expected


def test_what_is_no_table_tells_no_time() -> None:
    assert newest_packet(b"not supported") is None
    assert newest_packet(b'[["lastpackettime"],[null],["5"]]') is None


@pytest.mark.parametrize(
    ("left", "begin", "names", "own", "state", "says"),
    [
        (-3.5, 0, ("a",), True, State.FAIL, "expired 3 days ago"),
        (90, 1, ("a",), False, State.FAIL, "only in 24.0 hours"),
        (13.5, -1, ("a",), False, State.WARN, "expires in 13 days"),
        (90, -1, (), True, State.FAIL, "names no host"),
        (90, -1, (), False, State.OK, "valid for 90 more days"),
        (90, -1, ("a", "::1"), True, State.OK, "for a, ::1"),
    ],
)
def test_certificates(
    left: float, begin: float, names: tuple[str, ...], own: bool, state: State, says: str
) -> None:
    found = judge_certificate("s", left_s=left * DAY, until_begin_s=begin * DAY, names=names, own=own)
    assert found.state is state
    assert says in found.found


def test_permissions() -> None:
    assert judge_mode("f", 0o100600, secret=True).state is State.OK
    assert judge_mode("f", 0o100640, secret=True).state is State.OK
    assert judge_mode("f", 0o100644, secret=False).state is State.OK
    assert judge_mode("f", 0o100644, secret=True).state is State.WARN
    assert judge_mode("f", 0o100606, secret=False).state is State.FAIL
    assert judge_mode("f", 0o100644, secret=True).found.startswith("mode 0644")


def test_ports() -> None:
    assert judge_port("l", "", "").state is State.OK
    for holder in ("pid 7: python -m amp run", "pid 7: python3 /usr/bin/amp run"):
        assert judge_port("l", "in use", holder).state is State.OK
    for holder in ("pid 7: nc", "pid 7: python -m amp sim", "pid 7: run"):
        found = judge_port("l", "in use", holder)
        assert found.state is State.FAIL
        assert holder in found.found
    assert judge_port("l", "in use", "").state is State.WARN


def test_descriptors() -> None:
    assert judge_descriptors(100, 100).state is State.OK
    assert "LimitNOFILE" in judge_descriptors(99, 100).advice


def test_a_sniffer_that_answers() -> None:
    stat = b'{"version":"2026.04.0","pbStatString": "","pbCountPacketDrop":"0"}'
    reach, key = judge_reply("s", stat, "aes-128-cbc")
    assert (reach.state, key.state) == (State.OK, State.OK)
    assert "2026.04.0" in reach.found
    assert [finding.check for finding in judge_reply("s", b"{}", "none")] == ["reach"]
    assert [finding.state for finding in judge_reply("s", b"", "none")] == [State.WARN]
    assert [finding.state for finding in judge_reply("s", b"SSH-2.0", "none")] == [State.FAIL]


@pytest.mark.parametrize(
    ("failure", "check", "says"),
    [
        (Failure.NOT_CONNECTED, "reach", "start the sniffer"),
        (Failure.NEED_KEY, "key", "encryption"),
        (Failure.WRONG_KEY, "key", "amp key show"),
        (Failure.UNSENDABLE, "key", "key_conf"),
        (Failure.TOO_LONG, "reach", "overloaded"),
        (Failure.TOO_BIG, "reach", "managerport"),
    ],
)
def test_a_sniffer_that_does_not(failure: Failure, check: str, says: str) -> None:
    found = judge_failure("s", ExchangeFailed(failure, "why", False, 0))
    assert (found.check, found.state, found.found) == (check, State.FAIL, "why")
    assert says in found.advice


def test_the_report() -> None:
    found = [ok("reach", "server a", "yes"), warn("clock", "b", "\x1b[31mlate\r", "do")]
    assert exit_code(found) == 0
    assert exit_code([*found, fail("login", "a", "no", "do")]) == 1
    assert list(table(found)) == [
        "ok    reach  server a  yes",
        "warn  clock  b         ?[31mlate?",
        "                       -> do",
        "1 ok, 1 warn, 0 fail",
    ]
    assert list(table([])) == ["0 ok, 0 warn, 0 fail"]
    assert rows(found)[1] == {
        "state": "warn", "check": "clock", "subject": "b", "found": "?[31mlate?", "advice": "do",
    }  # fmt: skip
