"""Opens the control socket and serves it as long as amp runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trio

from amp.config.control import folder_problem, place_to_make
from amp.shell.accept import accept_forever
from amp.shell.console.desk import ConsoleDesk
from amp.shell.console.door import ConsoleDoor
from amp.shell.log import get_logger
from amp.shell.unix_socket import UnixListener, open_unix_listener

__all__ = ["serve_console"]

MODE = 0o600
"""Who may connect may do everything: amp's own user, and root."""

SHORTAGE_S = 1.0


async def serve_console(
    desk: ConsoleDesk, setting: str, folder: Path, environ: Mapping[str, str], *,
    task_status: trio.TaskStatus[Path | None] = trio.TASK_STATUS_IGNORED,
) -> None:  # fmt: skip
    """Serve until cancelled; ``started`` gets the socket's path, or ``None`` if there is none.

    Args:
        setting: ``[proxy] control``.
        folder: relative paths count from it.
        environ: of the process.

    Raises:
        OSError: there can be none where somebody said that it shall be. In a default place this is a warning:
            another amp may have it.
    """
    path, wanted = place_to_make(setting, folder, environ)
    if path is None:
        task_status.started(None)
        return
    try:
        if not wanted:
            _make_folder(path.parent)
        listener = open_unix_listener(path, MODE)
    except OSError as error:
        if wanted:
            raise OSError(f"control socket {path}: {error.strerror or error}") from error
        get_logger().warning("no_control_socket", path=str(path), reason=error.strerror or str(error))
        task_status.started(None)
        return
    await _serve(desk, listener, task_status)


def _make_folder(folder: Path) -> None:
    """The last folder of a default place is amp's own to make.

    Raises:
        OSError: it cannot be made, or is somebody else's.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    if problem := folder_problem(folder):
        raise PermissionError(problem)


async def _serve(
    desk: ConsoleDesk, listener: UnixListener, task_status: trio.TaskStatus[Path | None]
) -> None:
    try:
        async with trio.open_nursery() as connections:
            task_status.started(listener.path)
            await accept_forever(listener.listener, ConsoleDoor(desk).serve, connections, _rest)
    finally:
        listener.remove()


async def _rest(_listener: trio.SocketListener, _error: OSError) -> None:
    """There is no descriptor just now. The entrance sees to it that clients leave some over."""
    await trio.sleep(SHORTAGE_S)
