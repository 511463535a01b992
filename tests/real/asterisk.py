"""Real Asterisk servers for the tests: rendered, started, killed and restarted on the same ports.

Each server runs inside the folder that `provision.sh` made, as its user ``asterisk``, in a folder of
its own below ``srv/amp-tests/run-PID``, and listens on loopback only.  A server dies with the test
run, also when the run itself is killed: the kernel sends it SIGKILL when the thread that started it
ends, which is why `Asterisk.start` must be called in the main thread.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs

__all__ = ["DRESSED", "PLAIN", "Asterisk", "Dress", "Ports", "free_ports", "sweep_runs", "unusable_reason"]

ROOT = Path(os.environ.get("AMP_ASTERISK_ROOT", "~/.cache/amp/debian-sid")).expanduser()
INSIDE = Path("/srv/amp-tests")
"""Our folder as the chroot sees it."""
TEMPLATES = Path(__file__).parent / "conf"
SHIPPED = (
    *("acl", "amd", "ccss", "cli_aliases", "followme", "indications", "pjproject", "pjsip_notify"),
    *("queuerules", "udptl", "websocket_client"),
)
"""Files of Debian's asterisk-config that modules ask for and that we leave as they are."""

PHONES = range(1010, 1020)
RTP_PORTS = 1000
HOST = "127.0.0.1"


def unusable_reason() -> str | None:
    """Why no real Asterisk can be started here; ``None`` if one can."""
    marker = ROOT / "srv/amp-tests/provisioned"
    if not marker.is_file():
        return f"no real Asterisk in {ROOT} (tests/real/provision.sh makes one)"
    if os.geteuid() != 0:
        return "a real Asterisk is started by chroot, which needs root"
    return None


@attrs.frozen(kw_only=True)
class Dress:
    """What a server's administrator has switched on; the defaults are Asterisk's."""

    systemname: str = ""
    timestamps: bool = False
    channelvars: str = ""
    cel: bool = False


PLAIN = Dress()
DRESSED = Dress(systemname="dressed", timestamps=True, channelvars="AMPTAG,AMPCUST", cel=True)


@attrs.frozen(kw_only=True)
class Ports:
    """The ports of one server; ``rtp`` is the first of `RTP_PORTS`."""

    ami: int
    ami_tls: int
    http: int
    sip: int
    rtp: int


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def _candidates() -> Iterator[int]:
    # Below the kernel's range for outgoing connections: nobody can take the port of a killed server
    # by chance before it is started again.
    yield from random.sample(range(20_000, 30_000), k=2_000)


def free_ports() -> Ports:
    """Choose ports that nobody uses just now."""
    found = (port for port in _candidates() if _is_free(port))
    return Ports(
        ami=next(found), ami_tls=next(found), http=next(found), sip=next(found),
        rtp=random.randrange(10_000, 19_000, 2),
    )  # fmt: skip


def _owner(name: str) -> tuple[int, int]:
    ids = dict(line.split(":")[0:3:2] for line in (ROOT / "etc/passwd").read_text().splitlines())
    groups = dict(line.split(":")[0:3:2] for line in (ROOT / "etc/group").read_text().splitlines())
    return int(ids[name]), int(groups[name])


def _run_folder(pid: int) -> Path:
    return ROOT / "srv/amp-tests" / f"run-{pid}"


def sweep_runs() -> None:
    """Remove this run's folder and what dead runs left behind."""
    for folder in (ROOT / "srv/amp-tests").glob("run-*"):
        pid = int(folder.name.removeprefix("run-"))
        if pid == os.getpid() or not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


@attrs.define(kw_only=True)
class Asterisk:
    """One server. `start` and `wait_ready` are apart so that several can boot at the same time."""

    name: str
    dress: Dress = PLAIN
    ports: Ports = attrs.field(factory=free_ports)
    _process: subprocess.Popen[bytes] | None = attrs.field(default=None, init=False)

    @property
    def folder(self) -> Path:
        """The server's own folder, as seen from outside."""
        return _run_folder(os.getpid()) / self.name

    @property
    def _inside(self) -> Path:
        return INSIDE / f"run-{os.getpid()}" / self.name

    @property
    def running(self) -> bool:
        """True while the process that `start` made lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start with an empty store, on the same ports as before; main thread only (module docstring)."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._render()
        with (self.folder / "log/stdout.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("chroot", ROOT, "setpriv", "--reuid=asterisk", "--regid=asterisk", "--clear-groups"),
                    *("--pdeathsig=KILL", "env", f"LD_PRELOAD={INSIDE}/loopback_only.so", "HOME=/tmp"),
                    *("/usr/sbin/asterisk", "-f", "-C", self._inside / "etc/asterisk.conf"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, timeout: float = 60) -> None:
        """Block until a login is answered by ``FullyBooted``, as a real client would find out."""
        end = time.monotonic() + timeout
        while not self._answers(end):
            if not self.running:
                raise RuntimeError(f"{self.name} did not stay up:\n{self.logs()}")
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name} was not booted after {timeout} s:\n{self.logs()}")
            time.sleep(0.05)

    def _answers(self, end: float) -> bool:
        login = b"Action: Login\r\nUsername: oracle\r\nSecret: secret\r\nEvents: system\r\n\r\n"
        seen = b""
        try:
            with socket.create_connection((HOST, self.ports.ami), timeout=1) as sock:
                sock.sendall(login)
                while b"Event: FullyBooted" not in seen:
                    if not (data := sock.recv(65536)) or time.monotonic() > end:
                        return False
                    seen += data
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """``kill -9``: no last words, the sockets are reset by the kernel."""
        self._end(signal.SIGKILL, 10)

    def stop(self) -> None:
        """Ask it to end as ``systemctl stop`` does (``core stop now``): clients get ``Shutdown``."""
        self._end(signal.SIGTERM, 20)

    def _end(self, how: signal.Signals, patience: float) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def cli(self, command: str) -> str:
        """Run one command of Asterisk's own command line."""
        config = str(self._inside / "etc/asterisk.conf")
        argv = ["chroot", str(ROOT), "/usr/sbin/asterisk", "-C", config, "-rx", command]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout

    def logs(self) -> str:
        """What it said, for a failed test's report."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted((self.folder / "log").glob("*.log"))
        )

    # ---- the folder

    def _render(self) -> None:
        etc = self.folder / "etc"
        for sub in ("etc", "run", "log", "lib/moh", "lib/keys", "cache", "spool/tmp", "spool/monitor"):
            (self.folder / sub).mkdir(parents=True)
        words = self._words()
        for template in TEMPLATES.glob("*.conf"):
            (etc / template.name).write_text(_filled(template.read_text(), words))
        for name in SHIPPED:
            shipped = ROOT / "etc/asterisk" / f"{name}.conf"
            if shipped.is_file():
                shutil.copy(shipped, etc)
        for pem in ("cert.pem", "key.pem"):
            shutil.copy(ROOT / "srv/amp-tests" / pem, etc)
        music = next((ROOT / "usr/share/asterisk/sounds").rglob("demo-congrats.gsm"))
        shutil.copy(music, self.folder / "lib/moh")
        self._give_away()

    def _give_away(self) -> None:
        uid, gid = _owner("asterisk")
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, uid, gid)

    def _words(self) -> Mapping[str, str]:
        modules = next((ROOT / "usr/lib").glob("*/asterisk/modules")).relative_to(ROOT)
        dress, ports = self.dress, self.ports
        return {
            "BASE": str(self._inside),
            "MODDIR": f"/{modules}",
            "AMI_PORT": str(ports.ami),
            "AMI_TLS_PORT": str(ports.ami_tls),
            "HTTP_PORT": str(ports.http),
            "SIP_PORT": str(ports.sip),
            "RTP_START": str(ports.rtp),
            "RTP_END": str(ports.rtp + RTP_PORTS - 1),
            "SYSTEMNAME_LINE": f"systemname = {dress.systemname}" if dress.systemname else "",
            "CHANNELVARS_LINE": f"channelvars = {dress.channelvars}" if dress.channelvars else "",
            "TIMESTAMPS": _yes_no(dress.timestamps),
            "CEL": _yes_no(dress.cel),
            "PHONES": "\n".join(_phone(number, ports.sip) for number in PHONES),
        }


_yes_no: Callable[[bool], str] = {True: "yes", False: "no"}.__getitem__


def _phone(number: int, sip_port: int) -> str:
    return (
        f"[{number}](phone)\naors = {number}\ncallerid = \"Phone {number}\" <{number}>\n"
        f"[{number}](aorbase)\ncontact = sip:{number}@127.0.0.1:{sip_port}"
    )  # fmt: skip


def _filled(template: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        template = template.replace(f"@{word}@", value)
    return template
