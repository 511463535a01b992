"""What an attacker would try with an ordinary manager account."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame
from amp.core.policy.authorise import Policy, authorise
from amp.core.policy.classes import ASTERISK_CLASSES, DOORS, Door
from amp.core.policy.doors import GUARDS, command_allowed

# (door, action, headers): each must be shut for ``all`` and open for ``all`` with the door named.
ATTACKS = [
    (Door.COMMAND, "Command", ["Command: core show channels"]),
    (Door.COMMAND, "command", []),
    (Door.COMMAND, "COMMAND", ["Command: dialplan add extension x"]),
    (Door.CONFIG, "GetConfig", ["Filename: manager.conf"]),
    (Door.CONFIG, "GetConfigJSON", ["Filename: sip.conf"]),
    (Door.CONFIG, "UpdateConfig", ["DstFilename: extensions.conf"]),
    (Door.CONFIG, "CreateConfig", ["Filename: x.conf"]),
    (Door.CONFIG, "ListCategories", ["Filename: manager.conf"]),
    (Door.AGI, "AGI", ["Command: EXEC System id"]),
    (Door.DBPUT, "DBPut", ["Family: cidname", "Key: 1"]),
    (Door.MODULE_LOAD, "ModuleLoad", ["LoadType: load", "Module: /tmp/evil.so"]),
    (Door.DIALPLAN_EXTENSION, "DialplanExtensionAdd", ["Application: System"]),
    (Door.DIALPLAN_EXTENSION, "DialplanExtensionRemove", ["Context: x"]),
    (Door.MIXMONITOR_COMMAND, "MixMonitor", ["File: a.wav", "Command: id"]),
    (Door.MIXMONITOR_COMMAND, "MixMonitor", ["Command: ", "Command: id"]),
    (Door.MIXMONITOR_COMMAND, "MixMonitor", ["Options: b,id"]),
    (Door.MIXMONITOR_COMMAND, "MixMonitor", ["Options: b|id"]),
    (Door.FILES, "MixMonitor", ["File: /etc/cron.d/x"]),
    (Door.FILES, "MixMonitor", ["File: ../../x"]),
    (Door.FILES, "MixMonitor", ["File: a.wav", "Options: r(/etc/x)"]),
    (Door.FILES, "MixMonitor", ["File: a.wav", "Options: t(../x)"]),
    (Door.FILES, "Monitor", ['File: x";id;"', "Mix: true"]),
    (Door.FILES, "Monitor", ["File: x", "Format: wav$(id)"]),
    (Door.FILES, "ChangeMonitor", ["File: `id`"]),
    (Door.FILES, "ConfbridgeStartRecord", ["RecordFile: /var/www/x.wav"]),
    (Door.FUNCTION_CALLS, "Getvar", ["Variable: SHELL(id)"]),
    (Door.FUNCTION_CALLS, "Getvar", ["Variable: A", "Variable: FILE(/etc/passwd)"]),
    (Door.FUNCTION_CALLS, "Getvar", ["Variable: ${ENV(HOME)}"]),
    (Door.FUNCTION_CALLS, "Setvar", ["Channel: SIP/1-1", "Variable: FILE(/tmp/x)", "Value: 1"]),
    (Door.FUNCTION_CALLS, "Setvar", ["Channel: SIP/1-1", "Variable: A", "Value: ${SHELL(id)}"]),
    (Door.FUNCTION_CALLS, "Setvar", ["Channel: SIP/1-1", "Variable: A", "Value: $[1+1]"]),
    (Door.FUNCTION_CALLS, "Setvar", ["Channel: SIP/1-1", "Variable: A", "Value: ^{B}"]),
    (Door.FUNCTION_CALLS, "Status", ["Variables: A,CURL(http://x)"]),
    (Door.FUNCTION_CALLS, "Originate", ["Channel: SIP/1", "Variable: a=1,SHELL(x)=2"]),
    (Door.FUNCTION_CALLS, "Originate", ["Channel: SIP/1", "Variable: a=1|SHELL(x)=2"]),
    (Door.FUNCTION_CALLS, "Originate", ["Channel: SIP/1", "Variable: SHELL(a,b=c)=2"]),
    (Door.FUNCTION_CALLS, "Originate", ["Channel: SIP/1", "Variable: a=1", "variable: B(x)=1"]),
    (Door.FUNCTION_CALLS, "Originate", ["Channel: SIP/1", "Variable: a=${SHELL(id)}"]),
    (Door.FUNCTION_CALLS, "Originate", ["Channel: SIP/1", "PreDialGoSub: c,s,1(${SHELL(id)})"]),
    (Door.FUNCTION_CALLS, "MessageSend", ["To: sip:x", "Variable: SHELL(x)=2"]),
    (Door.FUNCTION_CALLS, "Setvar", ["Variable: TRUNK", "Value: SIP/evil"]),
    (Door.FUNCTION_CALLS, "Setvar", ["Channel: ", "Variable: TRUNK", "Value: SIP/evil"]),
    (Door.SPECIAL_VARIABLES, "Setvar", ["Channel: SIP/1-1", "Variable: MONITOR_EXEC", "Value: id"]),
    (Door.SPECIAL_VARIABLES, "Setvar", ["Channel: SIP/1-1", "Variable: __TRANSFER_CONTEXT", "Value: evil"]),
    (
        Door.SPECIAL_VARIABLES,
        "Setvar",
        ["Channel: SIP/1-1", "Variable: MEETME_AGI_BACKGROUND", "Value: x.agi"],
    ),
    (Door.SPECIAL_VARIABLES, "Originate", ["Channel: SIP/1", "Variable: a=1,_MONITOR_EXEC=id"]),
    (Door.SPECIAL_VARIABLES, "MessageSend", ["Variable: DYNAMIC_FEATURES=x"]),
    (Door.ORIGINATE_APPLICATION, "Originate", ["Channel: AudioSocket/192.0.2.1:9/x", "Exten: 1"]),
    (Door.ORIGINATE_APPLICATION, "Originate", ["Channel: SIP/1& unicastRTP/192.0.2.1:9", "Exten: 1"]),
    (Door.ORIGINATE_APPLICATION, "QueueAdd", ["Queue: q", "Interface: AudioSocket/192.0.2.1:9/x"]),
    (Door.ORIGINATE_APPLICATION, "Park", ["Channel: SIP/1-1", "TimeoutChannel: AudioSocket/192.0.2.1:9/x"]),
    (Door.ORIGINATE_APPLICATION, "Originate", ["Channel: SIP/1", "Application: System", "Data: id"]),
    (Door.ORIGINATE_APPLICATION, "Originate", ["Application: ", "Application: System"]),
    (Door.ORIGINATE_APPLICATION, "Originate", ["Channel: SIP/1", "Data: id"]),
    (Door.CONTEXTS, "Redirect", ["Channel: SIP/1-1", "Exten: s", "Context: x"]),
    (Door.CONTEXTS, "Redirect", ["Channel: SIP/1-1", "Exten: s"]),
    (Door.CONTEXTS, "BlindTransfer", ["Context: x"]),
    (Door.CONTEXTS, "Atxfer", ["Context: x"]),
    (Door.CONTEXTS, "AgentCallbackLogin", ["Exten: s"]),
]


def action(name: str, *lines: str) -> Frame:
    return Frame.parse("\r\n".join((f"Action: {name}", *lines)).encode())


@pytest.mark.parametrize(("door", "name", "lines"), ATTACKS)
def test_all_leaves_a_door_shut_and_its_name_opens_it(door: Door, name: str, lines: list[str]) -> None:
    """``all`` and every class but the doors' own: refused, naming the door; with the door: allowed."""
    asked = action(name, *lines)
    shut = {"all"} | (ASTERISK_CLASSES - DOORS)
    refusal = authorise(Policy(write=shut), asked)
    assert refusal is not None
    assert refusal.door is door
    assert refusal.message.startswith(b"Permission denied: ")
    assert refusal.message.endswith(b"(right %s)" % door.encode())
    assert authorise(Policy(write=shut | {door.value}), asked) is None
    others = shut | (DOORS - {door.value})
    assert authorise(Policy(write=others), asked) is not None


def test_every_door_and_every_guarded_action_is_attacked() -> None:
    """The list above is complete."""
    assert set(Door) == {door for door, _, _ in ATTACKS}
    unconditional = {name.strip().lower().encode() for _, name, _ in ATTACKS}
    assert set(GUARDS) <= unconditional


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("Ping", []),
        ("Getvar", ["Variable: CALLERID"]),
        ("Setvar", ["Channel: SIP/1-1", "Variable: MY_VAR", "Value: (a) 5 $ {x}"]),
        ("Setvar", ["Channel: SIP/1-1", "Variable: MY_VAR"]),
        ("Status", ["Variables: A,B"]),
        ("Status", []),
        ("Originate", ["Channel: Local/x@anywhere", "Context: out", "Exten: 1", "Variable: a=1,b=x(y)"]),
        ("Originate", ["Channel: SIP/1", "Application: ", "PreDialGoSub: a,b,1"]),
        ("MixMonitor", ["File: call-1.wav", "Options: b", "Command: "]),
        ("Monitor", ["File: call 1", "Format: wav"]),
        ("QueueAdd", ["Interface: Local/x@y"]),
        ("UnheardOf", []),
    ],
)
def test_ordinary_actions_pass_with_all(name: str, lines: list[str]) -> None:
    assert authorise(Policy(write={"all"}), action(name, *lines)) is None


def test_a_class_alone_does_not_open_another_door() -> None:
    """GetConfig is for ``system`` too in Asterisk, and shows every secret there is."""
    refusal = authorise(Policy(write={"system"}), action("GetConfig"))
    assert refusal is not None
    assert refusal.message == b"Permission denied: the configuration (right config)"


def test_a_missing_class_is_denied_in_asterisks_words() -> None:
    refusal = authorise(Policy(write={"call"}), action("Command", "Command: x"))
    assert refusal is not None
    assert (refusal.message, refusal.door) == (b"Permission denied", None)


def test_each_of_several_action_headers_must_be_allowed() -> None:
    """Asterisk takes the first; another version might not."""
    asked = action("Ping", "Action: Originate")
    assert authorise(Policy(), asked) is not None
    assert authorise(Policy(write={"originate"}), asked) is None


@pytest.mark.parametrize(
    ("patterns", "command", "allowed"),
    [
        (["core show *"], "core show channels", True),
        (["core show *"], "  CORE   Show\tchannels ", True),
        (["core show *"], "core restart now", False),
        (["core show *"], "core showx", False),
        (["core show *"], '"core" show channels', False),
        (["core show channels"], "core show channels", True),
        (["core show channels"], "core show channels verbose", False),
        (["queue * members *"], "queue show members sales", True),
        (["queue * members *"], "queue show sales", False),
        (["*show*show"], "show", False),
        (["*show*show"], "show x show", True),
        (["a*ba*a"], "aba", False),
        (["*"], "core stop now", True),
        (["core show *", "sip show *"], "sip show peers", True),
    ],
)
def test_commands_narrow_the_open_door(patterns: list[str], command: str, allowed: bool) -> None:
    policy = Policy(write={"command"}, commands=patterns)
    refusal = authorise(policy, action("Command", f"Command: {command}"))
    assert (refusal is None) is allowed
    assert command_allowed(command.encode(), policy.commands) is allowed


def test_every_command_header_must_fit_and_none_is_asterisks_business() -> None:
    policy = Policy(write={"command"}, commands=["core show *"])
    refusal = authorise(policy, action("Command", "Command: core show uptime", "Command: core stop now"))
    assert refusal is not None
    assert refusal.message == b"Permission denied: this command is not in the user's list"
    assert authorise(policy, action("Command")) is None


def test_a_list_of_commands_does_not_open_the_door() -> None:
    assert authorise(Policy(write={"all"}, commands=["*"]), action("Command", "Command: x")) is not None


LISTED = Policy(write={"all"}, contexts=["out", "Desk"])


@pytest.mark.parametrize(
    ("allowed", "name", "lines"),
    [
        (True, "Redirect", ["Context: out"]),
        (True, "Redirect", ["Context: out", "ExtraContext: Desk"]),
        (False, "Redirect", ["Context: out", "ExtraContext: evil"]),
        (False, "Redirect", ["Context: out", "Context: evil"]),
        (False, "Redirect", ["Context: OUT"]),
        (False, "Redirect", ["Exten: s"]),
        (False, "Redirect", ["ExtraContext: out"]),
        (True, "Atxfer", ["Context: Desk"]),
        (True, "Originate", ["Channel: SIP/1", "Context: out", "Exten: 1"]),
        (False, "Originate", ["Channel: SIP/1", "Context: evil", "Exten: 1"]),
        (False, "Originate", ["Channel: SIP/1", "Exten: 1"]),
        (False, "Originate", ["Channel: SIP/1", "Context: ", "Exten: 1"]),
        (True, "Originate", ["Channel: Local/1@out/n", "Context: out", "Exten: 1"]),
        (False, "Originate", ["Channel: local/1@evil/n", "Context: out", "Exten: 1"]),
        (False, "Originate", ["Channel: Local/1", "Context: out", "Exten: 1"]),
        (False, "Originate", ["Channel: Local/1@out@evil", "Context: out", "Exten: 1"]),
        (False, "Originate", ["Channel: Local/1@out/x@evil", "Context: out", "Exten: 1"]),
        (False, "Originate", ["Channel: SIP/1&Local/1@evil", "Context: out", "Exten: 1"]),
        (True, "Originate", ["Channel: Local", "Context: out", "Exten: 1"]),
        (True, "Originate", ["Channel: SIP/1", "Context: out", "PreDialGoSub: Desk,s,1(a,b)"]),
        (False, "Originate", ["Channel: SIP/1", "Context: out", "PreDialGoSub: evil,s,1"]),
        (False, "Originate", ["Channel: SIP/1", "Context: out", "PreDialGoSub: s,1"]),
        (False, "QueueAdd", ["Queue: q", "Interface: Local/1@evil"]),
        (True, "QueueAdd", ["Queue: q", "Interface: Local/1@Desk/n"]),
        (False, "Park", ["Channel: SIP/1-1", "TimeoutChannel: Local/1@evil"]),
        (True, "Park", ["Channel: SIP/1-1", "TimeoutChannel: SIP/2"]),
    ],
)
def test_a_list_of_contexts_binds_whatever_runs_the_dialplan(
    allowed: bool, name: str, lines: list[str]
) -> None:
    asked = action(name, *lines)
    assert (authorise(LISTED, asked) is None) is allowed
    anywhere = Policy(write={"all"}, contexts=["*"])
    assert authorise(anywhere, asked) is None


def test_policies_are_values() -> None:
    """Text or bytes, list or set: equal rights are equal keys."""
    left = Policy(write=["call", "all"], contexts=["a"], commands=["x *"])
    assert left == Policy(write={"all", "call"}, contexts=[b"a"], commands=[b"x *"])
    assert len({left, Policy(write={"all", "call"}, contexts={"a"}, commands=("x *",))}) == 1
