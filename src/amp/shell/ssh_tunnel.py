"""Sniffers on hosts that are reached by SSH: one supervised `ssh` for each host, with all of its sockets.

amp connects to local sockets in a folder that only it may enter; `ssh` carries each connection to a unix
socket or a port over there. It asks for no password and trusts no host key that it does not know.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from amp.shell.log import get_logger
from amp.shell.sniffer_reach import MOST_READ_BYTES
from amp.shell.ssh_process import SshProcess
from amp.shell.wire import PlainWire, Wire

__all__ = ["SshLogin", "SshReach", "SshTunnel", "SshTunnels"]

LOOK_EVERY_S: Final = 0.02
"""`ssh -N` does not say when it is signed in; its sockets are there then."""

OPTIONS: Final = (
    "BatchMode=yes",  # nobody is there to type a password
    "StrictHostKeyChecking=yes",
    "ExitOnForwardFailure=yes",
    "StreamLocalBindUnlink=yes",
    "StreamLocalBindMask=0177",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "ConnectTimeout=10",
    "ControlMaster=no",  # somebody else's process would not end with ours
    "ControlPath=none",
    "PermitLocalCommand=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "LogLevel=INFO",  # what could not be reached over there is told at this level
)
ACCEPTS: Final = b"00010000"
"""The flag of a listening socket in ``/proc/net/unix``."""

PLAIN_PATH: Final = re.compile(r"/[A-Za-z0-9_./-]{1,60}")
"""A folder for sockets: short (a socket's path has but 107 bytes), with nothing that `ssh` would expand."""


@attrs.frozen
class SshLogin:
    """Where `ssh` connects to, and with what; equal ones share a process.

    Attributes:
        target: ``user@host`` or ``host``.
        port: ``None`` for what its own configuration says, or 22.
        identity: a private key; ``None`` for what its own configuration says.
        known_hosts: the file of host keys; ``None`` likewise.
    """

    target: str
    port: int | None = None
    identity: Path | None = None
    known_hosts: Path | None = None

    @property
    def host(self) -> str:
        """The host's name or address."""
        return self.target.rpartition("@")[2]

    def arguments(self) -> Iterator[str]:
        """The command line up to the forwards; the target comes behind those."""
        yield from ("ssh", "-N", "-T")
        for option in OPTIONS:
            yield from ("-o", option)
        if self.port is not None:
            yield from ("-p", str(self.port))
        if self.identity is not None:
            yield from ("-i", str(self.identity), "-o", "IdentitiesOnly=yes")
        if self.known_hosts is not None:
            yield from ("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "GlobalKnownHostsFile=none")


@attrs.define(eq=False)
class SshTunnel:
    """The way to one host; `run` keeps it open.

    Attributes:
        login: where to and as whom.
        first_wait_s: from the end of a process to the next; doubled with each that never came up.
        longest_wait_s: at most.
        problem: why it is not open now; empty if it is, or is being opened for the first time.
    """

    login: SshLogin
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    problem: str = ""
    _forwards: dict[str, str] = attrs.field(factory=dict, init=False)
    _folder: Path | None = attrs.field(default=None, init=False)
    _open: SshProcess | None = attrs.field(default=None, init=False)
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def is_open(self) -> bool:
        """Whether it is signed in over there."""
        return self._open is not None

    def add(self, remote: str) -> None:
        """Carry connections to this place as well: a socket's path, or ``[host]:port``. Only before `run`."""
        self._forwards.setdefault(remote, f"{len(self._forwards)}.sock")

    async def run(self) -> None:
        """Keep it open until cancelled."""
        wait_s = self.first_wait_s
        while True:
            with _private_folder() as self._folder:
                came_up = await self._once(self._folder)
            wait_s = self.first_wait_s if came_up else wait_s
            get_logger().warning(
                "ssh_down", host=self.login.target, reason=self.problem, again_in_s=round(wait_s, 1)
            )
            await trio.sleep(wait_s * random.uniform(0.75, 1.0))  # noqa: S311 - so that many do not come at once
            wait_s = min(2 * wait_s, self.longest_wait_s)

    async def connect(self, remote: str) -> Wire:
        """A connection to a place that was added; the caller bounds the time.

        Raises:
            OSError: there is none; says why.
        """
        while self._open is None:
            if self.problem:
                raise ConnectionError(f"ssh {self.login.target}: {self.problem}")
            await self._news.wait()
        ssh, folder = self._open, self._folder
        assert folder is not None
        path = folder / self._forwards[remote]
        refusals = ssh.refusals  # before: it may be refused by the time that we go on
        try:
            sock = (await trio.open_unix_socket(path)).socket
            return _Carried(sock, ssh, refusals, self.login.target)
        except OSError as error:
            raise ConnectionError(f"ssh {self.login.target}: {error.strerror or error}") from None

    def _command(self, folder: Path) -> list[str]:
        forwards = (f"{folder / name}:{remote}" for remote, name in self._forwards.items())
        pairs = [word for forward in forwards for word in ("-L", forward)]
        return [*self.login.arguments(), *pairs, "--", self.login.target]

    async def _once(self, folder: Path) -> bool:
        """One process from its start to its end; whether it came up."""
        try:
            ssh = await SshProcess.start(self._command(folder), folder)
        except OSError as error:
            self._tell(None, error.strerror or str(error))
            return False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._notice_sockets, ssh, folder)
                problem = await ssh.wait()
                nursery.cancel_scope.cancel()
            came_up = self._open is not None
            self._tell(None, problem)
            return came_up
        finally:
            self._open = None
            await ssh.stop()

    async def _notice_sockets(self, ssh: SshProcess, folder: Path) -> None:
        paths = [str(folder / name).encode() for name in self._forwards.values()]
        while not all(_is_listening(path) for path in paths):  # noqa: ASYNC110 - ssh has no event for it
            await trio.sleep(LOOK_EVERY_S)
        self._tell(ssh, "")
        get_logger().info("ssh_up", host=self.login.target, places=list(self._forwards))

    def _tell(self, ssh: SshProcess | None, problem: str) -> None:
        self._open, self.problem = ssh, problem
        self._news.set()
        self._news = trio.Event()


class _Carried(PlainWire):
    """One connection through `ssh`.

    Its end is judged: when `ssh` ends, or the other side does not let the connection through, the local
    socket is closed as after a complete reply, and the close is all that ends a sniffer's reply.
    """

    __slots__ = ("_begun", "_refusals", "_ssh", "_target")

    def __init__(self, sock: trio.socket.SocketType, ssh: SshProcess, refusals: int, target: str) -> None:
        super().__init__(sock, most=MOST_READ_BYTES)
        self._ssh = ssh
        self._target = target
        self._refusals = refusals
        self._begun = False

    def write_now(self, data: bytes | memoryview) -> int:
        try:
            return super().write_now(data)
        except OSError:
            self._judge_end()
            raise

    def receive_now(self) -> bytes | None:
        try:
            data = super().receive_now()
        except OSError:
            self._judge_end()
            raise
        if data:
            self._begun = True
        elif data is not None:
            self._judge_end()
        return data

    def _judge_end(self) -> None:
        """Raise if it was no end that the other side meant."""
        if self._ssh.dying:
            self._break("it ended")
        self._ssh.listen_now()
        if not self._begun and self._ssh.refusals != self._refusals:
            self._break(self._ssh.refusal)

    def _break(self, why: str) -> None:
        raise ConnectionError(f"ssh {self._target}: {why}")


@attrs.frozen
class SshReach:
    """A sniffer's unix socket or port on a host that is reached by SSH."""

    tunnel: SshTunnel
    remote: str

    @property
    def host(self) -> str:
        """See `amp.shell.sniffer_reach.SnifferReach`."""
        return self.tunnel.login.host

    @property
    def place(self) -> str:
        """See `amp.shell.sniffer_reach.SnifferReach`."""
        return f"{self.remote} at {self.tunnel.login.target}"

    async def connect(self) -> Wire:
        """See `amp.shell.sniffer_reach.SnifferReach`."""
        return await self.tunnel.connect(self.remote)


@attrs.define(eq=False)
class SshTunnels:
    """The tunnels to all hosts."""

    tunnels: dict[SshLogin, SshTunnel] = attrs.field(factory=dict)

    def reach(self, login: SshLogin, remote: str) -> SshReach:
        """The way to a place on a host. Only before `run`."""
        tunnel = self.tunnels.setdefault(login, SshTunnel(login))
        tunnel.add(remote)
        return SshReach(tunnel, remote)

    async def run(self) -> None:
        """Keep them open until cancelled."""
        async with trio.open_nursery() as nursery:
            for tunnel in self.tunnels.values():
                nursery.start_soon(tunnel.run)


def _is_listening(path: bytes) -> bool:
    """Whether a unix socket is there and takes connections; asked of the kernel, since a try would be one."""
    for line in Path("/proc/net/unix").read_bytes().splitlines():
        fields = line.split(maxsplit=7)
        if fields[7:] == [path] and fields[3] == ACCEPTS:
            return True
    return False


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder that nobody else can enter, for as long as the block."""
    usual = tempfile.gettempdir()
    parent = usual if PLAIN_PATH.fullmatch(usual) else "/tmp"  # noqa: S108 - mkdtemp makes it ours
    with tempfile.TemporaryDirectory(prefix="amp-ssh-", dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)
