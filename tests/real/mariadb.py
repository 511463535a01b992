"""A real MariaDB of the test run's own, with the tables of the GUI as the sniffer creates them."""

from __future__ import annotations

import getpass
import itertools
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pymysql
from pymysql.cursors import Cursor

from amp.config.database import Database
from amp.config.secret import Secret
from ports import unused_port
from programs import program
from real.services import end, wait_for

TABLES = (
    # FACTS §7: what the sniffer reads of it
    "CREATE TABLE `system` (`id` int unsigned NOT NULL AUTO_INCREMENT, `type` varchar(255) NOT NULL,"
    " `content` mediumtext, PRIMARY KEY (`id`), KEY `type` (`type`)) ENGINE=InnoDB DEFAULT CHARSET=latin1",
    # the first columns are those of the sniffer, the others those that it and the GUI added later
    "CREATE TABLE `sensors` (`id_sensor` int unsigned NOT NULL, `host` varchar(255) NULL DEFAULT NULL,"
    " `port` int NULL DEFAULT NULL, `name` varchar(256) DEFAULT NULL, `disable` tinyint DEFAULT NULL,"
    " `timezone_name` varchar(64), `timezone_offset` int, `timezone_save_at` datetime,"
    " PRIMARY KEY (`id_sensor`)) ENGINE=InnoDB DEFAULT CHARSET=latin1",
)


@attrs.define(eq=False)
class MariaDb:
    """One server.

    Attributes:
        folder: its data, its socket and its log.
        port: on 127.0.0.1; the same after a restart.
        more: options of the server.
    """

    folder: Path
    port: int = attrs.field(factory=unused_port)
    more: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    @classmethod
    def installed(cls, folder: Path) -> MariaDb:
        """With empty data, not yet running; skips the test where there is none."""
        one = cls(folder)
        subprocess.run(
            [program("mariadb-install-db", "mariadb-server"), "--no-defaults", f"--datadir={folder}/data",
             "--skip-log-bin", "--skip-test-db", "--auth-root-authentication-method=normal",
             f"--user={getpass.getuser()}"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return one

    @property
    def socket(self) -> Path:
        """Its unix socket."""
        return self.folder / "m.sock"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self.folder / "mariadb.log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [program("mariadbd", "mariadb-server"), "--no-defaults", f"--datadir={self.folder}/data",
                 f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1",
                 f"--user={getpass.getuser()}", f"--pid-file={self.folder}/pid", "--skip-name-resolve",
                 "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--performance-schema=off",
                 *self.more],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        wait_for(self._answers, "mariadbd", self.process, log)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            end(self.process)
            self.process = None

    def gui(self) -> Gui:
        """A new GUI's database, with an account that may read and write it."""
        gui = Gui(self, f"gui{next(self._numbers)}")
        with self.root() as cursor:
            cursor.execute(f"CREATE DATABASE {gui.name}")
            cursor.execute(f"CREATE USER {gui.name}@'%' IDENTIFIED BY 'its password'")
            cursor.execute(f"GRANT ALL ON {gui.name}.* TO {gui.name}@'%'")
            cursor.execute(f"USE {gui.name}")
            for table in TABLES:
                cursor.execute(table)
        return gui

    @contextmanager
    def root(self, database: str | None = None) -> Iterator[Cursor]:
        """As its administrator."""
        connection = pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True, ssl_disabled=True
        )
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:  # PyMySQL would leave one open that it cannot connect
            if sock.connect_ex(str(self.socket)):
                return False
        try:
            with self.root(), socket.create_connection(("127.0.0.1", self.port), 5):
                return True
        except (OSError, pymysql.MySQLError):
            return False


@attrs.frozen
class Gui:
    """One GUI's database."""

    server: MariaDb
    name: str

    def run(self, query: str, *arguments: object) -> tuple[tuple[Any, ...], ...]:
        """One statement, as an administrator."""
        with self.server.root(self.name) as cursor:
            cursor.execute(query, arguments or None)
            return cursor.fetchall()

    def sensor(self, number: int, host: str | None, port: int | None = None, name: str | None = None) -> None:
        """Add a sensor, or change it."""
        self.run("REPLACE INTO sensors (id_sensor, host, port, name) VALUES (%s, %s, %s, %s)",
                 number, host, port, name)  # fmt: skip

    def settings(self, **more: Any) -> Database:
        """How amp is told of it."""
        known: dict[str, Any] = {
            "port": self.server.port, "name": self.name, "user": self.name, "password": Secret("its password")
        }  # fmt: skip
        return Database(**(known | more))

    def toml(self, **more: object) -> str:
        """The same in a file."""
        known = {"port": self.server.port, "name": self.name, "user": self.name, "password": "its password"}
        lines = [f"{key} = {value!r}" for key, value in (known | more).items()]
        return "[database]\n" + "\n".join(lines) + "\n"
