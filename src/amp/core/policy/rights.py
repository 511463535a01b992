"""Which action and which event a user's classes allow, as Asterisk decides it.

An action needs *any* of its classes; an event needs *all* of the classes in its ``Privilege``
(Asterisk ``main/manager.c``; recordings readonly-denied, login-user-without-rights, events-mask).
"""

from __future__ import annotations

import functools
from collections.abc import Set as AbstractSet

from amp.core.ami.mask import EventMask
from amp.core.policy.actions import ACTIONS
from amp.core.policy.classes import ALL

__all__ = ["is_known", "may_read", "may_write", "privileges_of"]

PRIVILEGE = b"\r\nPrivilege: "


def is_known(action: bytes) -> bool:
    """Whether the table has this action (any case)."""
    return _key(action) in ACTIONS


def may_write(write: AbstractSet[str], action: bytes) -> bool:
    """Whether a user's classes let it use an action; the doors are another question.

    Args:
        write: the words of the user's ``write``.
        action: the value of the ``Action`` header, in any case.

    An action that the table does not know (a module of a third party, a later Asterisk) may do anything,
    so it needs the word ``all`` itself: no single class, not even ``system``, stands for it.
    """
    if ALL in write:
        return True
    rights = ACTIONS.get(_key(action))
    return rights is not None and (not rights.classes or not rights.classes.isdisjoint(write))


@functools.lru_cache(maxsize=4096)
def may_read(read: frozenset[str], privileges: frozenset[bytes]) -> bool:
    """Whether a user may see a broadcast event of these classes.

    Args:
        read: the words of the user's ``read``.
        privileges: what `privileges_of` found in the event.
    """
    return EventMask(None).within(read).wants(privileges)


@functools.lru_cache(maxsize=1024)
def _privileges(value: bytes) -> frozenset[bytes]:
    return frozenset(name.strip() for name in value.lower().split(b",")) - {b"", b"all", b"<none>"}


def privileges_of(event: bytes) -> frozenset[bytes]:
    """The classes of a broadcast event, in small letters and without ``all``.

    Args:
        event: one raw frame. Its first ``Privilege`` counts, since a UserEvent can carry forged ones
            further down (recording userevent-odd).
    """
    start = event.find(PRIVILEGE)
    if start < 0:
        return frozenset()
    start += len(PRIVILEGE)
    end = event.find(b"\r\n", start)
    return _privileges(event[start:] if end < 0 else event[start:end])


def _key(action: bytes) -> bytes:
    # `authorise` refuses names with blanks behind them, as Asterisk does; should one come here all the same,
    # the strict reading costs nothing.
    return action.strip().lower()
