"""A real sshd of the test's own: its folder, keys, configuration and port."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from pathlib import Path

import attrs

from ports import unused_port
from programs import program
from real.services import end, wait_for

CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding local
AllowStreamLocalForwarding local
LogLevel VERBOSE
"""


@attrs.define(eq=False)
class Sshd:
    """One sshd.

    Attributes:
        folder: everything of it.
        port: on 127.0.0.1; the same after a restart.
    """

    folder: Path
    port: int = attrs.field(factory=unused_port)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def installed(cls, folder: Path) -> Sshd:
        """With keys of its own, not yet running; skips the test where there is no sshd."""
        program("ssh", "openssh-client")  # for amp
        one = cls(folder)
        for name in ("host_key", "client_key", "other_key"):
            one.make_key(name)
        (folder / "authorized_keys").write_text((folder / "client_key.pub").read_text())
        one.trust("host_key")
        (folder / "sshd_config").write_text(CONFIG.format(port=one.port, folder=folder))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(
                mode=0o755, exist_ok=True
            )  # sshd wants it, as its package makes it at boot
        return one

    def make_key(self, name: str) -> None:
        """A key pair in the folder."""
        keygen = program("ssh-keygen", "openssh-client")
        command = [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
        subprocess.run(command, check=True)

    def trust(self, key: str) -> None:
        """Make this the only host key that clients know."""
        kind, text = (self.folder / f"{key}.pub").read_text().split()[:2]
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {text}\n")

    @property
    def settings(self) -> dict[str, object]:
        """How a sniffer is configured that is behind it."""
        return {
            "ssh": f"{getpass.getuser()}@127.0.0.1",
            "ssh_port": self.port,
            "ssh_identity": self.folder / "client_key",
            "ssh_known_hosts": self.folder / "known_hosts",
        }

    def start(self) -> None:
        """Start it, and wait until it can be connected to."""
        log = self.folder / "sshd.log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [program("sshd", "openssh-server"), "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        wait_for(self._listens, "sshd", self.process, log)

    def stop(self) -> None:
        """Kill it, and every connection with it."""
        if self.process is not None:
            end(self.process)
            self.process = None

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0
