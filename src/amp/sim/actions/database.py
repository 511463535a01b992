"""The Asterisk database: DBPut, DBGet, DBGetTree, DBDel, DBDelTree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amp.core.ami.frame import Frame
from amp.sim.actions.registry import Actions, list_answer, list_item
from amp.sim.events import header_block

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["DATABASE"]

DATABASE: Final = Actions()


@DATABASE.add("DBPut", "system", "Put DB entry.")
def db_put(session: ManagerSession, request: Frame) -> None:
    """Store a value under family and key."""
    if path := _path(session, request):
        session.server.pbx.database[path] = request.get(b"Val") or b""
        session.ack(request, b"Updated database successfully")


@DATABASE.add("DBGet", "system,reporting", "Get DB Entry.")
def db_get(session: ManagerSession, request: Frame) -> None:
    """A value, as a list of one."""
    path = _path(session, request)
    if not path:
        return
    value = session.server.pbx.database.get(path)
    if value is None:
        session.error(request, b"Database entry not found")
        return
    family, key = request.get(b"Family") or b"", request.get(b"Key") or b""
    body = header_block((b"Family", family), (b"Key", key), (b"Val", value))
    item = list_item(request, b"DBGetResponse", body, id_last=True)
    session.send(list_answer(request, b"Result will follow", [item], b"DBGetComplete"))


@DATABASE.add("DBGetTree", "system,reporting", "Get DB entries, optionally at a particular family/key")
def db_get_tree(session: ManagerSession, request: Frame) -> None:
    """Every entry under a family, or all there are."""
    found = _under(session, request)
    if not found:
        session.error(request, b"Database entry not found")
        return
    items = [
        list_item(request, b"DBGetTreeResponse", header_block((b"Key", path), (b"Val", value)), id_last=True)
        for path, value in found
    ]
    session.send(list_answer(request, b"Result will follow", items, b"DBGetTreeComplete"))


@DATABASE.add("DBDel", "system", "Delete DB entry.")
def db_del(session: ManagerSession, request: Frame) -> None:
    """Forget one entry."""
    path = _path(session, request)
    if path and session.server.pbx.database.pop(path, None) is not None:
        session.ack(request, b"Key deleted successfully")
    elif path:
        session.error(request, b"Database entry could not be deleted")


@DATABASE.add("DBDelTree", "system", "Delete DB Tree.")
def db_del_tree(session: ManagerSession, request: Frame) -> None:
    """Forget every entry under a family."""
    found = _under(session, request)
    for path, _ in found:
        del session.server.pbx.database[path]
    if found:
        session.ack(request, b"Key tree deleted successfully")
    else:
        session.error(request, b"Database entry not found")


def _path(session: ManagerSession, request: Frame) -> bytes:
    """``/family/key``, or ``b""`` after an error was answered."""
    family, key = request.get(b"Family") or b"", request.get(b"Key") or b""
    if not family:
        session.error(request, b"No family specified.")
        return b""
    if not key:
        session.error(request, b"No key specified")
        return b""
    return b"/%s/%s" % (family, key)


def _under(session: ManagerSession, request: Frame) -> list[tuple[bytes, bytes]]:
    family, key = request.get(b"Family") or b"", request.get(b"Key") or b""
    prefix = b"/" + b"".join(part + b"/" for part in (family, key) if part)
    return sorted(pair for pair in session.server.pbx.database.items() if (pair[0] + b"/").startswith(prefix))
