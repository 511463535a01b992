"""The entrance: takes or refuses connections, judges who signs in, and paces who is in.

One `Admission` for the whole of amp, one `Visit` for each connection it took. Strangers are bounded by giving
way, not by refusing: while somebody opens connections and says nothing, the oldest stranger of the most
crowded address goes, so whoever signs in promptly gets in.
"""

from __future__ import annotations

from collections import Counter

import attrs

from amp.core.admission.limits import (
    STRANGER_ACTIONS_PER_S,
    STRANGER_BURST,
    STRANGER_BYTES,
    AdmissionLimits,
)
from amp.core.admission.offenders import Offenders
from amp.core.admission.origin import Origin, origin_of
from amp.core.admission.pace import Pace
from amp.core.admission.quiet import Quiet
from amp.core.ami.door import AUTHENTICATION_FAILED, FAILURE_DELAY_S, Verdict
from amp.core.stats import AdmissionStats

__all__ = ["Admission", "Refusal", "Visit"]

ACTION_BYTES = 4096
"""A read costs at least as much as an action for every so many bytes; actions are a tenth of that long."""

LEAST_COST = 0.1
"""And one without an action in it at least this part of one, however short it is."""

TOO_MANY_SESSIONS = "Too many sessions of this user"


@attrs.frozen
class Refusal:
    """A connection that is not taken.

    Attributes:
        reason: for the log; the same for all connections refused so.
        words: for the client, one line.
        origin: where it comes from.
    """

    reason: str
    words: str
    origin: Origin


class Admission:
    """Counts who is there. Times are monotonic seconds of the caller's clock.

    Attributes:
        limits: may be replaced at any time; who is in stays in, whatever the new ones say.
        stats: the counters.
        offenders: failed logins and bans by address.
        quiet: keeps a flood of connections from becoming one of log lines.
    """

    def __init__(self, limits: AdmissionLimits) -> None:
        self.limits = limits
        self.stats = AdmissionStats()
        self.offenders = Offenders()
        self.quiet = Quiet()
        self.connections = 0
        self.by_origin: Counter[str] = Counter()
        self.by_user: Counter[str] = Counter()
        self.strangers = 0
        self._strangers: dict[str, dict[Visit, None]] = {}
        self._user_paces: dict[str, Pace] = {}

    def enter(self, client: int, host: str | None, now: float) -> Visit | Refusal:
        """A connection was accepted; a `Visit` must be left again.

        Args:
            client: its number.
            host: its peer's address, see `origin_of`.
            now: the time.
        """
        origin = origin_of(host, self.limits.exempt)
        refusal = self._refusal(origin, now)
        if refusal is not None:
            return refusal
        self.stats.connections += 1
        self.connections += 1
        self.by_origin[origin.key] += 1
        visit = Visit(self, client, origin)
        self._strangers.setdefault(origin.key, {})[visit] = None
        self.strangers += 1
        return visit

    def gives_way(self) -> Visit | None:
        """Who has to go because there are too many strangers; ask after each `enter`. It is none any more."""
        if self.strangers <= self.limits.strangers:
            return None
        self.stats.strangers_displaced += 1
        return self.oldest_stranger()

    def oldest_stranger(self) -> Visit | None:
        """The stranger that is the first to go when there is no room; it is none any more."""
        if not self._strangers:
            return None
        crowded = max(self._strangers, key=lambda key: len(self._strangers[key]))
        visit = next(iter(self._strangers[crowded]))
        self.known(visit)
        return visit

    def _refusal(self, origin: Origin, now: float) -> Refusal | None:
        limits, stats = self.limits, self.stats
        if not origin.exempt and (left_s := self.offenders.ban_left_s(origin.key, now)):
            stats.refused_banned += 1
            words = f"Address banned for another {left_s:.0f} s after too many failed logins"
            return Refusal("address banned", words, origin)
        if self.connections >= limits.connections:
            stats.refused_full += 1
            return Refusal("too many connections", "Too many connections", origin)
        if not origin.exempt and self.by_origin[origin.key] >= limits.connections_per_address:
            stats.refused_address += 1
            text = "too many connections from one address"
            return Refusal(text, "Too many connections from this address", origin)
        return None

    # -- what a visit asks ---------------------------------------------------------------------------

    def known(self, visit: Visit) -> None:
        """No stranger any more. Idempotent."""
        crowd = self._strangers.get(visit.origin.key, {})
        if visit in crowd:
            del crowd[visit]
            self.strangers -= 1
            if not crowd:
                del self._strangers[visit.origin.key]

    def rename(self, old: str, new: str) -> None:
        """A session of one user becomes one of another; ``""`` is no user."""
        if old:
            self._less(self.by_user, old)
            if old not in self.by_user:
                self._user_paces.pop(old, None)
        if new:
            self.by_user[new] += 1

    def pace_of(self, user: str) -> Pace:
        """What all clients of a user share."""
        pace = self._user_paces.get(user)
        if pace is None:
            pace = self._user_paces[user] = Pace()
        return pace

    def left(self, visit: Visit) -> None:
        """The connection is gone."""
        self.known(visit)
        self.connections -= 1
        self._less(self.by_origin, visit.origin.key)
        self.rename(visit.user, "")

    @staticmethod
    def _less(counter: Counter[str], key: str) -> None:
        counter[key] -= 1
        if not counter[key]:
            del counter[key]


@attrs.define(eq=False)
class Visit:
    """One connection that was taken: the door of its session, and its pace.

    Attributes:
        client: its number.
        origin: where it comes from.
        user: who signed in; ``""`` before that, and for somebody without a name.
        signed_in: whether anybody did.
        failures: failed logins of its origin, as of its own latest one.
        ban_s: its latest failed login got its origin banned for so long; 0 if not.
    """

    _admission: Admission
    client: int
    origin: Origin
    user: str = ""
    signed_in: bool = False
    failures: int = 0
    ban_s: float = 0.0
    _bytes: int = 0
    _pace: Pace = attrs.field(factory=Pace)
    _shared_pace: Pace | None = None

    def judge(self, user: str | None, now: float) -> Verdict:
        """See `amp.core.ami.door.Door`. A banned address hears the same words for a right secret."""
        admission = self._admission
        if user is None or (user and self._is_banned(now)):
            admission.stats.login_failures += 1
            return Verdict(AUTHENTICATION_FAILED, self._failed(now))
        others = admission.by_user[user] - (self.user == user)
        if user and others >= admission.limits.connections_per_user:
            admission.stats.refused_user += 1
            return Verdict(TOO_MANY_SESSIONS, FAILURE_DELAY_S)
        admission.known(self)
        if self.user != user:
            admission.rename(self.user, user)
            self._shared_pace = admission.pace_of(user) if user else None
        self.user, self.signed_in = user, True
        return Verdict("")

    def receive(self, size: int, now: float) -> str:
        """It sent so many bytes; gives the reason why it has to be cut, ``""`` if it may stay.

        That counts as a failed login: no client that means to sign in sends so much first.
        """
        if self.signed_in:
            return ""
        self._bytes += size
        if self._bytes <= STRANGER_BYTES:
            return ""
        self._admission.stats.strangers_cut += 1
        self._failed(now)
        return f"sent more than {STRANGER_BYTES} bytes without having signed in"

    def act(self, now: float) -> float:
        """It acted. Gives the seconds that it must wait before the next action is taken."""
        return self._take(1.0, now)

    def read(self, size: int, actions: int, now: float) -> float:
        """A read gave so many bytes, and `act` was called for so many actions in them.

        Returns:
            Seconds to wait before the next read.
        """
        cost = size / ACTION_BYTES - actions
        if not actions:
            cost = max(LEAST_COST, cost)
        return self._take(cost, now) if cost > 0 else 0.0

    def farewell(self, reason: str, now: float) -> int | None:
        """May its end be logged? Like `Quiet.speak`; always for who signed in."""
        if self.signed_in:
            return 0
        return self._admission.quiet.speak((self.origin.key, reason), now)

    def leave(self) -> None:
        """It is gone. Call it once."""
        self._admission.left(self)

    def _take(self, cost: float, now: float) -> float:
        limits = self._admission.limits
        if self.signed_in:
            most = limits.actions_per_second
            wait_s = self._pace.take(cost, now, most, most)
            if self._shared_pace is not None:
                most = limits.user_actions_per_second
                if shared_s := self._shared_pace.take(cost, now, most, most):
                    wait_s = max(wait_s, shared_s)
        else:
            wait_s = self._pace.take(cost, now, STRANGER_ACTIONS_PER_S, STRANGER_BURST)
        if wait_s:
            self._admission.stats.pauses += 1
        return wait_s

    def _is_banned(self, now: float) -> bool:
        return not self.origin.exempt and self._admission.offenders.ban_left_s(self.origin.key, now) > 0

    def _failed(self, now: float) -> float:
        """One more failure of its origin; gives the seconds until it is told."""
        admission = self._admission
        if self.origin.exempt:
            return FAILURE_DELAY_S
        offence = admission.offenders.failed(self.origin.key, now, admission.limits)
        self.failures = offence.failures
        if offence.banned:
            admission.stats.bans += 1
            self.ban_s = admission.limits.ban_s
        return offence.delay_s
