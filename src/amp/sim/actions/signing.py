"""Actions about the session itself: signing in and out, its event mask, Ping, WaitEvent."""

from __future__ import annotations

import hashlib
import hmac
import math
from typing import TYPE_CHECKING, Final

import trio

from amp.core.ami.frame import Frame
from amp.sim.actions.registry import Actions, list_item
from amp.sim.classes import ALL, CLASSES, parse_mask
from amp.sim.events import INVALID_ACCOUNT, INVALID_PASSWORD, SUCCESSFUL_AUTH, EventKind, header_block
from amp.sim.pbx import clock_text

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession, SimUser

__all__ = ["SIGNING"]

SIGNING: Final = Actions()
FAILED_LOGIN_S: Final = 1.0
"""How long Asterisk lets a failed login wait (recording "login-wrong-secret")."""


@SIGNING.add("Login", "", "Login Manager.")
async def login(session: ManagerSession, request: Frame) -> None:
    """Sign in by secret or by the key of a challenge."""
    if session.user is not None:
        session.ack(request, b"Already authenticated")
        return
    if await _refused_second(session, request):
        return
    user = session.server.users.get(request.get(b"Username") or b"")
    if user is None or session.server.faults.refuse_logins or not _secret_fits(session, request, user):
        kind = INVALID_ACCOUNT if user is None else INVALID_PASSWORD
        _tell_security(session, kind, request.get(b"Username") or b"", (b"Severity", b"Error"))
        await trio.sleep(FAILED_LOGIN_S)
        session.error(request, b"Authentication failed")
        session.hang_up()
        return
    wanted = request.get(b"Events")
    mask = parse_mask(wanted) if wanted is not None else ALL
    session.sign_in(user, ALL if mask is None else mask)
    session.ack(request, b"Authentication accepted")
    if session.server.fully_booted and session.event_mask & CLASSES[b"system"]:
        session.send(session.server.fully_booted_greeting())
    auth = (b"UsingPassword", b"0"), (b"SessionTV", _event_time(session))
    _tell_security(session, SUCCESSFUL_AUTH, user.name, (b"Severity", b"Informational"), *auth)


@SIGNING.add("Challenge", "", "Generate Challenge for MD5 Auth.")
async def challenge(session: ManagerSession, request: Frame) -> None:
    """Draw the number for an MD5 login; asked twice, it is the same."""
    if await _refused_second(session, request):
        return
    if (request.get(b"AuthType") or b"").lower() != b"md5":
        session.error(request, b"Must specify AuthType")
        return
    if not session.challenge:
        session.challenge = b"%d" % session.server.rng.randrange(10**8, 10**9)
    session.respond(request, (b"Challenge", session.challenge))


@SIGNING.add("Logoff", "", "Logoff Manager.")
def logoff(session: ManagerSession, request: Frame) -> None:
    """Say goodbye and close; what was sent behind is not answered."""
    session.respond(request, (b"Message", b"Thanks for all the fish."), kind=b"Goodbye")
    session.hang_up()


@SIGNING.add("Ping", "", "Keepalive command.")
def ping(session: ManagerSession, request: Frame) -> None:
    """Answer at once, with the time."""
    session.respond(request, (b"Ping", b"Pong"), (b"Timestamp", b"%.6f" % session.server.wall()))


@SIGNING.add("Events", "", "Control Event Flow.")
def events(session: ManagerSession, request: Frame) -> None:
    """Choose the classes of events; an unreadable mask leaves them as they were."""
    mask = parse_mask(request.get(b"EventMask") or b"")
    if mask is None:
        session.error(request, b"Invalid event mask")
        return
    session.set_mask(mask)
    session.respond(request, (b"Events", b"On" if mask else b"Off"))


@SIGNING.add("WaitEvent", "", "Wait for an event to occur.")
async def wait_event(session: ManagerSession, request: Frame) -> None:
    """Block the session till an event for it comes, till its time is over, or till it sends something.

    That bytes from the client end it is Asterisk's source (``main/manager.c``), not a recording.
    """
    wanted = request.get(b"Timeout") or b""
    await session.wait_for_event(float(wanted) if wanted.isdigit() else math.inf)
    session.ack(request, b"Waiting for Event completed.")
    session.flush_held()
    session.send(list_item(request, b"WaitEventComplete", b""))


@SIGNING.add("ListCommands", "", "List available manager commands.")
def list_commands(session: ManagerSession, request: Frame) -> None:
    """One header per action that this user may use."""
    allowed = session.user.write if session.user else 0
    actions = sorted(session.server.actions.values(), key=lambda action: action.name.lower())
    session.respond(request, *(each.line() for each in actions if not each.needs or each.needs & allowed))


def _secret_fits(session: ManagerSession, request: Frame, user: SimUser) -> bool:
    if (request.get(b"AuthType") or b"").lower() == b"md5":
        # A login with any other AuthType and the right Secret is let in (recording
        # "login-challenge-unknown-type").
        if not session.challenge:
            return False
        digest = hashlib.md5(session.challenge + user.secret, usedforsecurity=False).hexdigest()
        return hmac.compare_digest(digest.encode(), (request.get(b"Key") or b"").lower())
    return hmac.compare_digest(user.secret, request.get(b"Secret") or b"")


async def _refused_second(session: ManagerSession, request: Frame) -> bool:
    """Whether ``allowmultiplelogin = no`` ends this session. Source: ``main/manager.c``, not recorded."""
    name = request.get(b"Username")
    if not session.server.faults.refuse_second_login or not session.server.is_signed_in(name):
        return False
    await trio.sleep(FAILED_LOGIN_S)
    session.error(request, b"Login Already In Use")
    session.hang_up()
    return True


def _event_time(session: ManagerSession) -> bytes:
    wall = session.server.wall()
    return clock_text(wall, "%Y-%m-%dT%H:%M:%S") + b".%03d+0000" % int(wall % 1 * 1000)


def _tell_security(
    session: ManagerSession,
    kind: EventKind,
    account: bytes,
    severity: tuple[bytes, bytes],
    *more: tuple[bytes, bytes],
) -> None:
    server = session.server
    body = header_block(
        (b"EventTV", _event_time(session)),
        severity,
        (b"Service", b"AMI"),
        (b"EventVersion", b"1"),
        (b"AccountID", account),
        (b"SessionID", b"0x7f5f%08x" % (session.number * 0x1350)),
        (b"LocalAddress", session.local),
        (b"RemoteAddress", session.remote),
        *more,
    )
    server.publish([server.pbx.event(kind, body)])
