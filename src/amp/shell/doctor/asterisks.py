"""Looks at one Asterisk: every host is connected to, the first that can be is signed in to, once."""

from __future__ import annotations

import datetime
import math
import re
import time
from collections.abc import Callable
from typing import Final

import trio
from cryptography import x509

from amp.config.certificates import client_context
from amp.config.schema import AsteriskServer, Config
from amp.core.ami.frame import Frame
from amp.core.ami.upstream import UpstreamConnection
from amp.core.doctor.asterisk import Needs, Visit, judge_visit, read_account, usable_actions
from amp.core.doctor.certificates import judge_certificate
from amp.core.doctor.clock import Skew
from amp.core.doctor.finding import Finding, fail, ok, warn
from amp.core.policy.classes import ALL, ASTERISK_CLASSES, DOORS
from amp.errors import RemoteProtocolError
from amp.shell.contexts import ReloadableContext
from amp.shell.doctor.ami_visit import AmiVisit
from amp.shell.doctor.certificate_names import names_of
from amp.shell.reach import Reach
from amp.shell.tls import TlsWire
from amp.shell.wire import Wire

__all__ = ["Tell", "look_at_asterisk", "needs_of"]

Tell = Callable[[Finding], None]
"""Gets findings as they come."""

PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,80}")
"""A user's name that the console takes as one word."""

COMMONLY_READ: Final = frozenset(("system", "call"))
"""What ``read = ["all"]`` is taken to need: few Asterisks give their manager users every class."""

ALL_WRITES: Final = ASTERISK_CLASSES - DOORS

REFUSED_ADVICE: Final = (
    "compare username and secret with its manager.conf, and permit/deny there with this machine's address"
)


def needs_of(server: AsteriskServer, config: Config) -> Needs:
    """What the configuration wants of amp's user at a server."""
    users = [
        user for user in config.user if user.server is None or server.name in (user.server, *user.servers)
    ]
    read = {name for user in users for name in (COMMONLY_READ if ALL in user.read else user.read)}
    write = {name for user in users for name in user.write} | (
        ALL_WRITES if any(ALL in user.write for user in users) else set()
    )
    through = {name.strip().lower() for name in server.events.split(",")}
    if not through & {"on", ALL, "yes", "true", "1"}:
        read &= through
    return Needs(
        read=ASTERISK_CLASSES.intersection(read),
        write=ASTERISK_CLASSES.intersection(write),
        several=server.sessions == "split",
    )


async def look_at_asterisk(server: AsteriskServer, config: Config, tell: Tell) -> None:
    """Tell about one server; only reads, and signs in once at most."""
    subject, signed_in = f"server {server.name}", False
    for host in server.addresses:
        place = f"{subject} ({host}:{server.port})"
        try:
            wire = await _connect(server, host)
        except OSError as error:
            tell(_unreachable(place, server, error))
            continue
        try:
            tell(ok("reach", place, "connected" + (f", {wire.tls}" if wire.tls else "")))
            if isinstance(wire, TlsWire) and wire.peer_certificate:
                tell(_certificate(place, wire.peer_certificate))
            if not signed_in:
                signed_in = True
                await _visit(wire, server, needs_of(server, config), tell)
        finally:
            wire.close()


async def _connect(server: AsteriskServer, host: str) -> Wire:
    context = None
    if server.tls != "off":
        try:
            context = ReloadableContext(
                lambda: client_context(server.ca, verify=server.tls == "verify"), server.name
            )
        except ValueError as error:
            raise ConnectionError(str(error)) from None
    reach = Reach(
        hosts=(host,),
        port=server.port,
        timeout_s=server.connect_timeout_s,
        context=context,
        server_name=server.server_name,
    )
    return await reach.lead()


def _unreachable(place: str, server: AsteriskServer, error: OSError) -> Finding:
    text = str(error)
    if text.startswith("TLS: the certificate"):
        return fail(
            "certificate", place, text, "renew it there, or name its CA in ca or its name in server_name"
        )
    if server.tls != "off" and "TLS" in text:
        advice = "set tlsenable = yes and tlsbindaddr in its manager.conf, and that port here"
        return fail("reach", place, text, advice)
    return fail("reach", place, text, "start it, or correct host and port; see that no firewall is between")


def _certificate(place: str, der: bytes) -> Finding:
    try:
        shown = x509.load_der_x509_certificate(der)
        names = names_of(shown)
    except ValueError:
        return warn("certificate", place, "it cannot be read", "make it anew, with a current tool")
    now = datetime.datetime.now(datetime.UTC)
    return judge_certificate(
        place,
        left_s=(shown.not_valid_after_utc - now).total_seconds(),
        until_begin_s=(shown.not_valid_before_utc - now).total_seconds(),
        names=names,
        own=False,
    )


async def _visit(wire: Wire, server: AsteriskServer, needs: Needs, tell: Tell) -> None:
    subject = f"server {server.name}"
    connection = UpstreamConnection(
        username=server.username,
        secret=server.secret.reveal(),
        events="system",  # of FullyBooted; a stream of calls would only be in the way
        own_prefix=b"own-amp-doctor-",
        login_timeout_s=server.login_timeout_s,
        now=trio.current_time(),
    )
    session = AmiVisit(wire, connection)
    try:
        with trio.fail_after(server.login_timeout_s):
            refusal = await session.sign_in()
        if refusal:
            tell(fail("login", subject, f"user {server.username} is refused: {refusal}", REFUSED_ADVICE))
            return
        with trio.fail_after(server.login_timeout_s):
            visit, version = await _questions(session, server.username)
    except trio.TooSlowError:
        advice = "see whether it hangs (asterisk -rx 'core show uptime' on it)"
        tell(fail("login", subject, f"no answer within {server.login_timeout_s:g} s", advice))
        return
    except (OSError, RemoteProtocolError) as error:
        tell(
            fail("login", subject, str(error), "see whether host and port are those of its manager interface")
        )
        return
    tell(ok("login", subject, f"user {server.username}, {version or f'interface {session.version}'}"))
    if server.tls == "insecure":
        tell(warn("tls", subject, "its certificate is not verified", 'set tls = "verify", and ca if need be'))
    for finding in judge_visit(subject, visit, needs):
        tell(finding)


async def _questions(session: AmiVisit, username: str) -> tuple[Visit, str]:
    """Everything that is asked of a server that let us in, and the version it tells."""
    asked, pong, came = await _ping(session)
    listing = await session.ask(b"ListCommands")
    listed = (listing.get(b"Response") or b"").lower() == b"success"
    actions = usable_actions(listing) if listed else frozenset()
    settings = await session.ask(b"CoreSettings") if "coresettings" in actions else None
    account = None
    if "command" in actions and PLAIN_NAME.fullmatch(username):
        shown = await session.ask(b"Command", (b"Command", b"manager show user " + username.encode()))
        account = read_account(shown.raw or b"")
    await session.sign_off()
    told = _seconds(pong)
    visit = Visit(
        username=username,
        booted=session.booted,
        actions=actions if listed else None,
        account=account,
        skew=None if told is None else Skew.of(told, asked, came),
    )
    version = (settings.get(b"AsteriskVersion") or b"") if settings is not None else b""
    return visit, f"Asterisk {version.decode('utf-8', 'replace')}" if version else ""


async def _ping(session: AmiVisit) -> tuple[float, Frame, float]:
    """A Ping between two looks at our clock, in Unix seconds."""
    asked = time.time()
    pong = await session.ask(b"Ping")
    return asked, pong, time.time()


def _seconds(pong: Frame) -> float | None:
    """The server's clock, in Unix seconds (recording readonly-denied)."""
    try:
        found = float(pong.get(b"Timestamp") or b"")
    except ValueError:
        return None
    return found if math.isfinite(found) else None
