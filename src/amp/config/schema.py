"""Every section and key that works, as frozen classes.

A field's name is its TOML key; a duration's field ends in ``_s`` (it holds seconds), its key does not:
``stall_timeout = "30s"`` becomes ``stall_timeout_s == 30.0``. What a value must be is a rule in the
field's type. The effect of each key is told in ``docs/configuration.md``, which a test holds against
these classes; the same goes for ``config.toml.example``.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import attrs

from amp.config.database import Database
from amp.config.formats import FormatName
from amp.config.metrics import Metrics
from amp.config.rules import (
    ClassOfEvents,
    EventFilterText,
    EventMaskText,
    FileMode,
    Host,
    Line,
    Name,
    Network,
    Number,
    PageOrigin,
    Seconds,
    ServerKind,
    Whole,
)
from amp.config.secret import Secret
from amp.config.sniffers import SnifferCommands, VoipmonitorServer, key_problem
from amp.core.ami.secret_hash import hash_problem
from amp.core.policy.event_filter import MAX_RULES, EventFilter

__all__ = [
    "RIGHTS",
    "AsteriskServer",
    "Config",
    "Database",
    "Limits",
    "Listen",
    "Log",
    "Metrics",
    "Proxy",
    "Right",
    "Simulate",
    "User",
    "VoipmonitorServer",
    "WriteRight",
    "key_of",
]

Right = Literal[
    "all", "system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting",
    "cdr", "dialplan", "originate", "agi", "cc", "aoc", "test", "security", "message",
]  # fmt: skip
"""Classes as Asterisk names them (``perms[]`` in its main/manager.c)."""

WriteRight = Literal[
    "all", "system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting",
    "cdr", "dialplan", "originate", "agi", "cc", "aoc", "test", "security", "message",
    "admin", "fanout",
    "contexts", "dbput", "dialplan_extension", "files", "function_calls", "mixmonitor_command", "module_load",
    "originate_application", "special_variables",
]  # fmt: skip
"""The same, amp's own rights, and the doors of `amp.core.policy.classes` that are no class."""

RIGHTS: tuple[str, ...] = get_args(Right)
RIGHTS_TO_ACT: tuple[str, ...] = tuple(word for word in get_args(WriteRight) if word not in RIGHTS)

ServerName = Annotated[str, Name("a server's name", reserved=("first", "none"))]
ServerRef = Annotated[str, Name("a server's name")]
UserRef = Annotated[str, Line("a user name")]
Bytes = Annotated[int, Whole(4096, 1 << 34, "bytes")]
Count = Annotated[int, Whole(1, 1_000_000)]
Timeout = Annotated[float, Seconds(0.1)]
AutofilterMode = Literal["off", "unique", "on"]
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to reach who listens there
OnServerLoss = Literal["disconnect", "event"]
SlowClient = Literal["disconnect", "gap"]
InputFormat = Annotated[str, FormatName("input")]
OutputFormat = Annotated[str, FormatName("output")]


@attrs.frozen(kw_only=True)
class Proxy:
    """``[proxy]``: this amp as a whole."""

    name: Annotated[str, Line("a name", 80)] = attrs.field(factory=socket.gethostname)
    default_server: ServerRef = "first"
    authentication: Literal["required", "none"] = "required"
    greeting: Annotated[str, Line("a greeting")] = "Asterisk Call Manager/11.0.0"
    detect_timeout_s: Annotated[float, Seconds(0.01, 60.0)] = 0.25
    autofilter: AutofilterMode = "unique"
    proxy_key: Secret | None = None
    proxy_key_user: UserRef | None = None
    anonymous_user: UserRef | None = None
    control: Annotated[str, Line("a path", 4000)] = "auto"


@attrs.frozen(kw_only=True)
class Listen:
    """``[[listen]]``: one address that clients connect to.

    It is ``address`` and ``port``, or ``unix``, or ``activation``. `amp.config.checks` sees to it that a
    file does not name several, and that ``tls`` has what it needs.
    """

    address: Annotated[str, Host()] = "127.0.0.1"
    port: Annotated[int, Whole(0, 65535)] = 5038
    unix: Path | None = None
    unix_mode: Annotated[str, FileMode()] = "0600"
    activation: Annotated[str, Line("the name of a socket", 255)] | None = None
    protocols: tuple[Literal["ami", "http", "websocket", "voipmonitor"], ...] = ("ami",)
    detect_timeout_s: Annotated[float, Seconds(0.01, 60.0)] | None = None
    hosts: tuple[Annotated[str, Host()], ...] = ()
    origins: tuple[Annotated[str, PageOrigin()], ...] = ()
    tls: Literal["off", "optional", "required"] = "off"
    certificate: Path | None = None
    private_key: Path | None = None
    input_format: InputFormat = "standard"
    output_format: OutputFormat = "standard"
    server: ServerRef | None = None
    on_server_loss: OnServerLoss = "disconnect"
    slow_client: SlowClient | None = None
    user: UserRef | None = None
    key: Secret | None = None
    iv: Secret | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse a key that cannot be used."""
        if (self.key is None) != (self.iv is None):
            raise ValueError("expected key and iv together")
        if problem := key_problem(self.key, self.iv, "aes-128-cbc"):
            raise ValueError(problem)

    @property
    def speaks_voipmonitor(self) -> bool:
        """Whether it stands in a sniffer's place; then it speaks nothing else."""
        return "voipmonitor" in self.protocols

    @property
    def speaks(self) -> Literal["ami", "http", "either"]:
        """What its clients may speak, if it does not stand in a sniffer's place."""
        if {"http", "websocket"}.isdisjoint(self.protocols):
            return "ami"
        return "either" if "ami" in self.protocols else "http"

    @property
    def near(self) -> tuple[str, int]:
        """Host and port for programs of this machine; the path and 0 if it is a unix socket."""
        if self.unix is not None:
            return str(self.unix), 0
        return EVERYWHERE.get(self.address, self.address), self.port

    @property
    def is_known(self) -> bool:
        """Whether the configuration alone says where it is: a port may be drawn, a socket be passed on."""
        return self.unix is not None or (self.activation is None and self.port != 0)

    @property
    def place(self) -> str:
        """Where it is, for people."""
        if self.unix is not None:
            return str(self.unix)
        if self.activation is not None:
            return f"socket {self.activation}"
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@attrs.frozen(kw_only=True)
class AsteriskServer:
    """``[[server]]`` of kind ``asterisk``: one Asterisk that amp connects to."""

    kind: Annotated[Literal["asterisk"], ServerKind()] = "asterisk"
    name: ServerName
    host: Annotated[str, Host()] | None = None
    hosts: tuple[Annotated[str, Host()], ...] = ()
    port: Annotated[int, Whole(1, 65535)] = 5038
    tls: Literal["off", "verify", "insecure"] = "off"
    ca: Path | None = None
    server_name: Annotated[str, Host()] | None = None
    username: Annotated[str, Line("a user name")]
    secret: Secret
    sessions: Literal["split", "single"] = "split"
    events: Annotated[str, EventMaskText(RIGHTS)] = "on"
    max_sessions: Annotated[int, Whole(1, 100)] = 8
    idle_timeout_s: Timeout = 30.0
    keepalive_s: Timeout = 15.0
    connect_timeout_s: Timeout = 10.0
    login_timeout_s: Timeout = 10.0
    reconnect_first_s: Timeout = 1.0
    reconnect_max_s: Timeout = 30.0

    def __attrs_post_init__(self) -> None:
        """Refuse a backoff that would shrink."""
        if self.reconnect_first_s > self.reconnect_max_s:
            raise ValueError("expected reconnect_first to be at most reconnect_max")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The hosts to try, in order."""
        return self.hosts or ((self.host,) if self.host else ())


@attrs.frozen(kw_only=True)
class User:
    """``[[user]]``: who may connect, and what they may see and do."""

    name: UserRef
    secret: Secret | None = None
    secret_hash: Secret | None = None
    read: tuple[Annotated[Right, ClassOfEvents(RIGHTS, RIGHTS_TO_ACT)], ...] = ("all",)
    write: tuple[WriteRight, ...] = ()
    server: ServerRef | None = None
    servers: tuple[ServerRef, ...] = ()
    input_format: InputFormat | None = None
    output_format: OutputFormat | None = None
    autofilter: AutofilterMode | None = None
    on_server_loss: OnServerLoss = "disconnect"
    slow_client: SlowClient | None = None
    contexts: tuple[Annotated[str, Line("a context")], ...] | None = None
    commands: tuple[Annotated[str, Line("a command")], ...] = ()
    eventfilter: tuple[Annotated[str, EventFilterText()], ...] = ()
    channel: Annotated[str, Line("how names of channels begin")] | None = None
    out_context: Annotated[str, Line("a context")] | None = None
    in_context: Annotated[str, Line("a context")] | None = None
    account: Annotated[str, Line("an account code")] | None = None
    more_events: bool = False
    filter_local: Literal["off", "allow", "allowwith", "enforce"] = "off"
    cdronly: bool = False
    brionly: bool = False
    xfronly: bool = False
    novar: bool = False
    sniffer_commands: Annotated[tuple[str, ...], SnifferCommands()] | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse none or two ways to log in, and more filters than one session may have."""
        if (self.secret is None) == (self.secret_hash is None):
            raise ValueError("expected either secret or secret_hash")
        if self.secret_hash and (problem := hash_problem(self.secret_hash.reveal())):
            raise ValueError(f"in secret_hash: {problem}")
        if len(self.eventfilter) > MAX_RULES:
            raise ValueError(f"expected at most {MAX_RULES} filters in eventfilter")
        if problems := EventFilter.from_settings(self.eventfilter)[1]:
            raise ValueError(f"in eventfilter: {problems[0]}")


@attrs.frozen(kw_only=True)
class Limits:
    """``[limits]``: bounds on memory, time and numbers."""

    outlet_bytes: Bytes = 33_554_432
    stall_timeout_s: Timeout = 30.0
    slowest_bytes_per_second: Annotated[int, Whole(1, 1 << 30, "bytes")] = 4096
    journal_bytes: Bytes = 16_777_216
    journal_age_s: Annotated[float, Seconds(1.0)] = 900.0
    order_hold_s: Annotated[float, Seconds(0.0, 60.0)] = 0.25
    order_hold_bytes: Bytes = 1_048_576
    login_timeout_s: Timeout = 30.0
    action_timeout_s: Timeout = 60.0
    actions_per_client: Count = 64
    actions_per_server: Count = 1000
    fanout_timeout_s: Timeout = 10.0
    fanout_servers: Count = 500
    fanout_bytes: Bytes = 8_388_608
    connections: Count = 10_000
    connections_per_address: Count = 1000
    connections_per_user: Count = 1000
    strangers: Count = 1000
    login_failures: Count = 20
    login_failures_within_s: Timeout = 600.0
    login_delay_s: Annotated[float, Seconds(1.0, 60.0)] = 15.0
    ban_s: Annotated[float, Seconds(0.0)] = 600.0
    exempt: tuple[Annotated[str, Network()], ...] = ("127.0.0.0/8", "::1/128")
    actions_per_second: Count = 1000
    user_actions_per_second: Count = 10_000
    line_bytes: Annotated[int, Whole(256, 1022, "bytes")] = 1022
    headers: Annotated[int, Whole(16, 128)] = 128
    max_frame_bytes: Bytes = 16_777_216
    drain_timeout_s: Annotated[float, Seconds(0.0)] = 5.0
    http_request_timeout_s: Timeout = 10.0
    http_idle_timeout_s: Timeout = 60.0
    http_body_bytes: Bytes = 1_048_576
    http_requests: Count = 10_000
    http_sessions: Count = 1000
    http_session_timeout_s: Annotated[float, Seconds(5.0)] = 60.0
    http_session_bytes: Bytes = 1_048_576
    http_login_timeout_s: Annotated[float, Seconds(5.0)] = 3600.0
    websocket_message_bytes: Bytes = 65_536
    websocket_subscriptions: Count = 64
    websocket_ping_interval_s: Annotated[float, Seconds(0.1, 3600.0)] = 20.0


@attrs.frozen(kw_only=True)
class Log:
    """``[log]``: what is logged, where and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    file: Annotated[str, Line("a path", 4000)] | None = None


@attrs.frozen(kw_only=True)
class Simulate:
    """``[simulate]``: a fleet of simulated Asterisks and sniffers inside the process."""

    asterisks: Annotated[int, Whole(1, 200)] = 2
    sniffers: Annotated[int, Whole(0, 200)] = 0
    calls_per_second: Annotated[float, Number(0, 1000)] = 0.5
    seed: Annotated[int, Whole(0, (1 << 63) - 1)] = 1

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the servers that the fleet adds at run time: ``sim1``, ``sim2``, ..."""
        return tuple(f"sim{number}" for number in range(1, self.asterisks + 1))

    @property
    def sniffer_names(self) -> tuple[str, ...]:
        """The names of its sniffers: ``sniffer1``, ``sniffer2``, ..."""
        return tuple(f"sniffer{number}" for number in range(1, self.sniffers + 1))


@attrs.frozen(kw_only=True)
class Config:
    """A whole configuration, checked. `amp.config.load.load` makes it."""

    proxy: Proxy = attrs.field(factory=Proxy)
    listen: tuple[Listen, ...] = (Listen(),)
    server: tuple[AsteriskServer | VoipmonitorServer, ...] = ()
    user: tuple[User, ...] = ()
    limits: Limits = attrs.field(factory=Limits)
    log: Log = attrs.field(factory=Log)
    metrics: Metrics = attrs.field(factory=Metrics)
    database: Database | None = None
    simulate: Simulate | None = None

    @property
    def asterisks(self) -> tuple[AsteriskServer, ...]:
        """The servers of kind ``asterisk``."""
        return tuple(server for server in self.server if isinstance(server, AsteriskServer))

    @property
    def sniffers(self) -> tuple[VoipmonitorServer, ...]:
        """The servers of kind ``voipmonitor`` that the file itself names."""
        return tuple(server for server in self._voipmonitor if server.sensors is None)

    @property
    def fleet(self) -> VoipmonitorServer | None:
        """The settings of the sensors that the database names; ``None`` if none are taken from there."""
        return next((server for server in self._voipmonitor if server.sensors is not None), None)

    @property
    def _voipmonitor(self) -> tuple[VoipmonitorServer, ...]:
        return tuple(server for server in self.server if isinstance(server, VoipmonitorServer))


def key_of(attribute: str) -> str:
    """The TOML key of a field: its name, without the ``_s`` of seconds."""
    return attribute.removesuffix("_s")
