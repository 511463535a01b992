"""Where amp listens: TCP, unix sockets with their files, sockets that somebody else opened."""

from __future__ import annotations

import itertools
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import trio

from amp.config.schema import Listen
from amp.shell.accept import NOTSENT_BYTES
from amp.shell.activation import InheritedSockets
from amp.shell.listener import address_text, open_listeners, peer_text
from amp.shell.unix_socket import open_unix_listener
from shell.harness import PATIENCE_S, AmiClient, lab


@pytest.fixture
def path() -> Iterator[Path]:
    """A short path for a socket: pytest's own folders are longer than what the system takes."""
    folder = Path(f"/tmp/amp-test-{os.getpid()}")
    folder.mkdir()
    yield folder / "amp.sock"
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()


def mode(path: Path) -> str:
    """What ``ls -l`` shows of it; also a blocking call that async tests may make."""
    return stat.filemode(path.lstat().st_mode) if os.path.lexists(path) else "gone"


def put_in_the_way(path: Path, kind: str) -> None:
    if kind == "l":
        path.symlink_to("/dev/null")
    else:
        path.write_text("precious")


async def test_clients_connect_by_a_unix_socket_whose_file_comes_and_goes(path: Path) -> None:
    """Only its owner may, by default; the log says who connected."""
    async with lab("a", listen=(Listen(unix=path), Listen(port=0))) as one:
        assert one.addresses[0] == str(path)
        assert mode(path) == "srw-------"
        client = AmiClient(await trio.open_unix_socket(path))
        assert (await client.login()).name == b"Success"
        await client.action("Logoff")
        await client.rest()
        await one.logged("client_done", address=f"unix (process {os.getpid()}, user {os.getuid()})")
        one.stop()
        with trio.fail_after(PATIENCE_S):
            await one.ended.wait()
        assert mode(path) == "gone"
        await client.stream.aclose()


async def test_the_mode_is_as_configured(path: Path) -> None:
    async with lab(listen=(Listen(unix=path, unix_mode="0660"), Listen(port=0))):
        assert mode(path) == "srw-rw----"


async def test_a_file_that_nobody_listens_on_is_replaced_and_another_is_not(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(bytes(path))
        first = open_unix_listener(path, 0o600)
    with pytest.raises(OSError, match="Address already in use"):
        open_unix_listener(path, 0o600)
    stream = await trio.open_unix_socket(path)  # the one that was there is unharmed
    await (await first.listener.accept()).aclose()
    await stream.aclose()
    await first.listener.aclose()
    second = open_unix_listener(path, 0o600)
    first.remove()
    assert mode(path) == "srw-------"  # by now it is somebody else's
    await second.listener.aclose()
    second.remove()
    second.remove()
    assert mode(path) == "gone"


async def test_a_socket_with_a_full_backlog_is_in_use(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(bytes(path))
        busy.listen(0)
        waiting.connect(bytes(path))
        with pytest.raises(OSError, match="Address already in use"):
            open_unix_listener(path, 0o600)


@pytest.mark.parametrize("kind", ["-", "l"])
async def test_what_is_no_socket_stays(path: Path, kind: str) -> None:
    """Whatever it is, it was not amp that put it there."""
    put_in_the_way(path, kind)
    with pytest.raises(OSError, match=f"cannot listen on {path}: there is something else"):
        await open_listeners(Listen(unix=path), InheritedSockets({}))
    assert mode(path).startswith(kind)


async def test_a_place_that_cannot_be_is_named(path: Path) -> None:
    for listen, reason in (
        (Listen(unix=path.parent / "no" / "x"), "No such file or directory"),
        (Listen(unix=path.parent / ("x" * 200)), "AF_UNIX path too long"),
        (Listen(address="192.0.2.1", port=5038), "Cannot assign requested address"),
    ):
        with pytest.raises(OSError, match=re.escape(f"cannot listen on {listen.place}: {reason}")):
            await open_listeners(listen, InheritedSockets({}))


# -- sockets passed on -------------------------------------------------------------------------------------


AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


NUMBERS = itertools.count(200, 10)
"""Where the next ones are put: what an earlier test left behind must not be closed under them."""


class Passed:
    """Sockets on consecutive descriptors, and the variables that tell of them."""

    def __init__(self, *sockets: socket.socket, names: str = "", pid: int | None = None) -> None:
        self.first = next(NUMBERS)
        for index, sock in enumerate(sockets):
            os.dup2(sock.fileno(), self.first + index, inheritable=True)
            sock.close()
        self.environ = {
            "LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": str(len(sockets)), "HOME": "/",
        }  # fmt: skip
        if names:
            self.environ["LISTEN_FDNAMES"] = names

    def inherited(self) -> InheritedSockets:
        return InheritedSockets(self.environ, self.first)


async def test_sockets_are_taken_by_name_and_the_variables_are_gone() -> None:
    """Two of one name are one listener; they are not passed on any further."""
    passed = Passed(*(socket.create_server(("127.0.0.1", 0)) for _ in range(3)), names="ami:ami:web")
    inherited = passed.inherited()
    assert passed.environ == {"HOME": "/"}
    listeners = await open_listeners(Listen(activation="ami"), inherited)
    assert len(listeners.addresses) == 2
    for listener in listeners.sockets:
        assert not os.get_inheritable(listener.socket.fileno())
        stream = await trio.open_tcp_stream(*listener.socket.getsockname())
        accepted = await listener.accept()
        assert peer_text(accepted.socket).startswith("127.0.0.1:")
        await accepted.aclose()
        await stream.aclose()
        await listener.aclose()
    with pytest.raises(OSError, match=r"no socket of the name ami was passed to amp \(there is web\)"):
        await open_listeners(Listen(activation="ami"), inherited)
    assert inherited.close_rest() == ["web"]
    with pytest.raises(OSError, match="none at all"):
        inherited.take("web")


async def test_without_names_they_are_unknown() -> None:
    inherited = Passed(socket.create_server(("127.0.0.1", 0))).inherited()
    (listener,) = inherited.take("unknown")
    await listener.aclose()


@pytest.mark.parametrize("variables", [{"LISTEN_PID": "1"}, {"LISTEN_FDS": "x"}, {}])
def test_what_is_meant_for_another_process_is_left_alone(variables: dict[str, str]) -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", **variables} if variables else {}
    assert InheritedSockets(environ, 9_999).close_rest() == []


def test_only_listening_stream_sockets_will_do() -> None:
    for wrong in (socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()):
        inherited = Passed(wrong, names="ami").inherited()
        with pytest.raises(OSError, match="does not listen for streams"):
            inherited.take("ami")


async def test_amp_run_serves_a_socket_that_it_was_started_with(tmp_path: Path) -> None:
    """As systemd does it: descriptor 3, the number of the process, a name."""
    config = tmp_path / "amp.toml"
    config.write_text('[[listen]]\nactivation = "amp.socket"\n[log]\nformat = "json"\n')
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number, address = listening.fileno(), listening.getsockname()
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", AS_SYSTEMD, str(number), "-m", "amp", "run", "--allow-root", str(config)],
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "amp.socket"},
            pass_fds=[number],
            stderr=subprocess.PIPE,
        )
    assert process.stderr is not None
    with trio.fail_after(PATIENCE_S):
        stream = await trio.open_tcp_stream(*address)
        assert await stream.receive_some() == b"Asterisk Call Manager/11.0.0\r\n"
        await stream.aclose()
        process.terminate()
        assert await process.wait() == 0
    await process.stderr.aclose()


def test_a_socket_without_a_name_is_unnamed() -> None:
    with structlog.testing.capture_logs():
        assert address_text("") == "unnamed"
    assert address_text(("::1", 5038, 0, 0)) == "[::1]:5038"


async def test_for_a_client_that_is_behind_the_kernel_takes_a_batch_and_no_more() -> None:
    """The bound is amp's, not that of trio's streams."""
    opened = await open_listeners(Listen(port=0), InheritedSockets({}))
    bounds: list[int] = []

    async def handler(stream: trio.SocketStream) -> None:
        bounds.append(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT))

    async def on_shortage(listener: trio.SocketListener, error: OSError) -> None:
        raise AssertionError(f"{listener}: {error}")

    async with trio.open_nursery() as nursery:
        await nursery.start(opened.serve, handler, nursery, on_shortage)
        async with await trio.open_tcp_stream(*opened.sockets[0].socket.getsockname()) as client:
            with trio.fail_after(PATIENCE_S):
                await client.receive_some()
        nursery.cancel_scope.cancel()
    assert bounds == [NOTSENT_BYTES]
