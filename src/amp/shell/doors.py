"""What listeners do with the connections they accept: who is let in, what is spoken, who serves it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import trio

from amp.config.certificates import server_context
from amp.config.schema import Config, Listen
from amp.core.admission.admission import Visit
from amp.core.ami.auth import Authenticator, User
from amp.core.ami.pin import Pin, PinnedAccounts
from amp.core.ami.session import ClientSession
from amp.core.fanout.autofilter import Autofilter
from amp.core.formats.choice import FormatChoice
from amp.core.formats.registry import Formats
from amp.core.formats.standard import STANDARD
from amp.core.http.gatekeeper import Gatekeeper, read_origin
from amp.shell.accept import Handler
from amp.shell.client import Client
from amp.shell.contexts import ReloadableContext
from amp.shell.entrance import Entrance, host_of
from amp.shell.gate import Gate
from amp.shell.http.connection import Connection, HttpLimits
from amp.shell.http.site import Site
from amp.shell.http.visitor import Visitor
from amp.shell.inner import InnerClient, OutputChoice
from amp.shell.listener import peer_text
from amp.shell.log import get_logger
from amp.shell.members import Members
from amp.shell.reload import Reloadable
from amp.shell.secret_checks import SecretChecks
from amp.shell.servers import outlet_limits
from amp.shell.sniffer_listener import SnifferDoor
from amp.shell.sniffer_setup import make_door
from amp.shell.switchboard import Switchboard
from amp.shell.tracing import Tracing
from amp.shell.wire import Wire

__all__ = ["Doors"]


@attrs.define(kw_only=True, eq=False)
class Doors:
    """Everything that connections need.

    Attributes:
        config: what amp runs with now; a reload replaces it.
        members: who may sign in.
        entrance: takes or refuses connections.
        switchboard: what clients act on.
        reloadables: where certificates are added.
        formats: those that clients can have.
        secret_checks: looks at secrets that are kept as hashes.
        tracing: what is told of clients' bytes.
        started: when amp began, in monotonic seconds.
        site: what HTTP offers.
    """

    config: Callable[[], Config]
    members: Members
    entrance: Entrance
    switchboard: Switchboard
    reloadables: list[Reloadable]
    formats: Formats
    secret_checks: SecretChecks
    tracing: Tracing
    started: float
    site: Site
    _numbers: itertools.count[int] = attrs.field(factory=lambda: itertools.count(1), init=False)
    _log: Any = attrs.field(factory=get_logger, init=False)

    def handler(self, gate: Gate, listen: Listen) -> Handler:
        """What serves the connections of one listener, behind its gate."""
        desk = self.switchboard.desk
        if not listen.speaks_voipmonitor or desk is None:
            return partial(self._handle, gate, self._gatekeeper(listen))
        door = make_door(
            listen,
            desk.sniffers.get,
            lambda: self.members.accounts.users,
            lambda: outlet_limits(self.config().limits),
        )
        return partial(self._handle_sniffer_client, gate, door)

    def number(self) -> int:
        """For the next connection or client; never given twice."""
        return next(self._numbers)

    def inner_client(
        self, visit: Visit, *, address: str, gate: Gate, tls: str, quiet: bool = True,
        accounts: Authenticator | None = None, build: Callable[..., InnerClient] = InnerClient,
    ) -> InnerClient:  # fmt: skip
        """A client of this process, not yet started.

        Args:
            visit: for whose stay it acts; its logins are judged there.
            address: where that comes from, for people.
            gate: of the listener.
            tls: what protects the connection.
            quiet: see `InnerClient`.
            accounts: who may sign in, if not those of amp: for who was recognised otherwise already.
            build: makes it, of what `InnerClient` is made of.
        """
        formats = OutputChoice(installed=self.formats, output=gate.writes)
        session = self._session(visit, gate.pin, trio.current_time(), formats, "", accounts)
        limits = attrs.evolve(outlet_limits(self.config().limits), slow_client=gate.slow_websocket)
        return build(
            self.number(), address, session, self.switchboard, limits, visit, self.secret_checks, gate.pin,
            quiet=quiet, tls=tls,
        )  # fmt: skip

    def gate(self, index: int, listen: Listen) -> Gate:
        """How one listener takes connections.

        Raises:
            ValueError: its certificate cannot be used.
        """
        context = None
        if listen.tls != "off" and listen.certificate is not None:
            build = partial(server_context, listen.certificate, listen.private_key)
            context = self._reloadable(ReloadableContext(build, f"listen[{index}]"))
        pin = None
        if listen.server and not listen.speaks_voipmonitor:
            pin = Pin(server=listen.server, on_server_loss=listen.on_server_loss)
        proxy = self.config().proxy
        default_s = proxy.detect_timeout_s
        return Gate(
            tls=listen.tls,
            context=context,
            speaks=listen.speaks,
            offers=frozenset(listen.protocols),
            detect_timeout_s=default_s if listen.detect_timeout_s is None else listen.detect_timeout_s,
            pin=pin,
            reads=self.formats.stream(listen.input_format) or STANDARD,
            writes=self.formats.output(listen.output_format) or STANDARD,
            slow_client=listen.slow_client or "disconnect",
            slow_websocket=listen.slow_client or "gap",
            greeting=b"" if listen.speaks_voipmonitor else proxy.greeting.encode(),
        )

    def _reloadable(self, context: ReloadableContext) -> ReloadableContext:
        self.reloadables.append(lambda _: context.prepare())
        return context

    def _gatekeeper(self, listen: Listen) -> Gatekeeper:
        origins = frozenset(origin for text in listen.origins if (origin := read_origin(text)) is not None)
        return Gatekeeper((listen.address, *listen.hosts), origins)

    async def _handle_sniffer_client(self, gate: Gate, door: SnifferDoor, stream: trio.SocketStream) -> None:
        """One accepted connection of somebody who takes amp for a sniffer."""
        number, sock = self.number(), stream.socket
        with self.entrance.admit(number, sock, gate.refusal) as visit:
            if visit is None:
                return
            try:
                wire, _ = await gate.open(sock, self.config().limits.login_timeout_s)
            except OSError as error:
                self._log_unopened(visit, peer_text(sock), str(error))
                return
            await door.serve(wire, visit, self.entrance.way_out(visit))

    async def _handle(self, gate: Gate, gatekeeper: Gatekeeper, stream: trio.SocketStream) -> None:
        """One accepted connection."""
        number, sock, accepted_at = self.number(), stream.socket, trio.current_time()
        with self.entrance.admit(number, sock, gate.refusal) as visit:
            if visit is None:
                return
            address = peer_text(sock)
            try:
                self.switchboard.require(gate.pin)
                wire, spoken = await gate.open(sock, self.config().limits.login_timeout_s)
            except OSError as error:
                self._log_unopened(visit, address, str(error))
                return
            wire = self.tracing.wrap(wire, client=number)
            if spoken == "http":
                await self._serve_http(number, wire, visit, address, gate, gatekeeper)
            else:
                await self._serve_ami(wire, number, visit, address, gate, accepted_at)

    async def _serve_ami(
        self, wire: Wire, number: int, visit: Visit, address: str, gate: Gate, accepted_at: float
    ) -> None:
        config = self.config()
        formats = FormatChoice(
            installed=self.formats,
            input=gate.reads,
            output=gate.writes,
            max_line_bytes=config.limits.line_bytes,
            max_headers=config.limits.headers,
        )
        client = Client(
            number,
            wire,
            address,
            self._session(visit, gate.pin, accepted_at, formats, config.proxy.greeting),
            self.switchboard,
            attrs.evolve(outlet_limits(config.limits), slow_client=gate.slow_client),
            self.switchboard.crowd,
            visit,
            self.secret_checks,
            gate.pin,
        )
        self.entrance.leaves_by(visit, client.cut)
        self.switchboard.add_client(client)
        try:
            await client.run()
        finally:
            self.switchboard.remove_client(client)

    async def _serve_ami_inside(self, visit: Visit, address: str, gate: Gate, wire: Wire) -> None:
        """The manager protocol inside another one."""
        await self._serve_ami(wire, self.number(), visit, address, gate, trio.current_time())

    async def _serve_http(
        self, number: int, wire: Wire, visit: Visit, address: str, gate: Gate, gatekeeper: Gatekeeper
    ) -> None:
        limits = self.config().limits
        visitor = Visitor(
            number=number,
            address=address,
            host=host_of(wire.sock),
            visit=visit,
            tls=wire.tls,
            make_client=partial(self.inner_client, address=address, gate=gate, tls=wire.tls),
            serve_ami=partial(self._serve_ami_inside, visit, address, gate),
            offers=gate.offers,
        )
        connection = Connection(
            wire, visitor, self.site, gatekeeper, outlet_limits(limits), HttpLimits.of(limits)
        )
        self.entrance.leaves_by(visit, connection.cut)
        await connection.run()

    def _log_unopened(self, visit: Visit, address: str, reason: str) -> None:
        unsaid = visit.farewell(reason, trio.current_time())
        if unsaid is not None:
            before = {"times_before": unsaid} if unsaid else {}
            self._log.info("connection_not_opened", address=address, reason=reason, **before)

    def _session(
        self, visit: Visit, pin: Pin | None, accepted_at: float, formats: FormatChoice, greeting: str,
        accounts: Authenticator | None = None,
    ) -> ClientSession:  # fmt: skip
        config = self.config()
        if accounts is None:
            accounts = self.members.accounts
        anonymous = self.members.anonymous
        if pin is not None:
            accounts = PinnedAccounts(accounts, pin, partial(self._log_stranger, pin))
            anonymous = pin.narrow(anonymous) if anonymous is not None else None
        return ClientSession(
            greeting=greeting.encode(),
            authenticator=accounts,
            challenge=str(secrets.randbelow(900_000_000) + 100_000_000).encode(),
            login_timeout_s=config.limits.login_timeout_s,
            now=accepted_at,
            started=self.started,
            anonymous=anonymous,
            autofilter=Autofilter[config.proxy.autofilter.upper()],
            world=self.switchboard.world,
            formats=formats,
            door=visit,
        )

    def _log_stranger(self, pin: Pin, user: User) -> None:
        self._log.warning("user_of_other_servers", user=user.name, listener_for=pin.server)
