"""The database of the VoIPmonitor GUI: its manager key, and its table of sensors.

Everything here blocks: amp calls it in threads (`amp.shell.sniffer_keys`, `amp.shell.sensor_fleet`), the
command line as it is. Every call is a connection of its own, as look-ups are rare: a key is read when it is
needed first and when it is doubted.

Of the tables it knows what the sniffer itself relies on (FACTS §7): ``system`` with ``type`` and ``content``,
``sensors`` with ``id_sensor``, ``host``, ``port`` and in newer versions ``name`` and ``disable``.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs

from amp.config.certificates import client_context
from amp.config.database import Database
from amp.core.doctor.clock import Skew
from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.key_forms import from_gui_json, to_gui_json
from amp.errors import ConfigError

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import DictCursor

__all__ = ["MOST_SENSORS", "GuiDatabase"]

KEY_TYPE: Final = "manager_key"
MOST_SENSORS: Final = 1000
"""Each costs amp a pool; whoever has more has several amps."""


@attrs.frozen
class GuiDatabase:
    """One GUI's database.

    Every method raises `ConfigError` with one problem that says what went wrong, and holds no secret; its
    source is `place`.
    """

    settings: Database

    @property
    def place(self) -> str:
        """For people."""
        return f"database {self.settings.place}"

    def key(self) -> SnifferKey | None:
        """The manager key; ``None`` if there is none."""
        with self._cursor() as cursor:
            content = _key_content(cursor)
        return from_gui_json(content, source=self.place) if content else None

    def store_key(self, key: SnifferKey, *, force: bool) -> bool:
        """Put a key there; with it the sniffers take it at their next request.

        Args:
            force: also in the place of another one.

        Returns:
            False if it is there already.

        Raises:
            ConfigError: see the class; or there is another one, and no force.
        """
        with self._cursor() as cursor:
            content = _key_content(cursor, lock=True)
            if content and _same_key(content, key):
                return False
            if content and not force:
                raise ConfigError(self.place, ["there is another key already; --force replaces it"])
            if content is not None:
                cursor.execute(
                    "UPDATE `system` SET `content` = %s WHERE `type` = %s", (to_gui_json(key), KEY_TYPE)
                )
            else:
                cursor.execute(
                    "INSERT INTO `system` (`type`, `content`) VALUES (%s, %s)", (KEY_TYPE, to_gui_json(key))
                )
            if not _same_key(_key_content(cursor) or b"", key):  # a column too short for it, cut in silence
                raise ConfigError(self.place, ["the table system does not keep the key as it was written"])
            cursor.connection.commit()
        return True

    def sensors(self) -> list[Mapping[str, object]]:
        """The rows of the table ``sensors`` in the order of their numbers, with whatever columns it has."""
        with self._cursor() as cursor:
            cursor.execute("SELECT * FROM `sensors` ORDER BY `id_sensor` LIMIT %s", (MOST_SENSORS + 1,))
            rows: list[Mapping[str, object]] = list(cursor.fetchall())
        if len(rows) > MOST_SENSORS:
            raise ConfigError(self.place, [f"more than {MOST_SENSORS} sensors"])
        return rows

    def clock(self) -> Skew:
        """How far its server's clock is from this machine's.

        Without an argument ``UNIX_TIMESTAMP`` knows no time zone, and no hour that comes twice in autumn; it
        gives whole seconds.
        """
        with self._cursor() as cursor:
            asked = time.time()
            cursor.execute("SELECT UNIX_TIMESTAMP() AS `told`")
            row, came = cursor.fetchone(), time.time()
        assert row is not None  # of a query without a table
        return Skew.of(float(row["told"]), asked, came, unit_s=1.0)

    @contextmanager
    def _cursor(self) -> Iterator[DictCursor]:
        """A cursor of a new connection; what was not committed is undone at the end."""
        from pymysql.err import MySQLError  # only who uses a database pays for it

        try:
            connection = self._connect()
            try:
                with connection.cursor() as cursor:
                    yield cursor
            finally:
                connection.close()
        except MySQLError as error:
            problem = _words(error)
        except OSError as error:
            problem = error.strerror or str(error)
        else:
            return
        raise ConfigError(self.place, [problem])

    def _connect(self) -> Connection[DictCursor]:
        import pymysql
        from pymysql.cursors import DictCursor

        settings = self.settings
        connection = pymysql.connect(
            **self._tls(),
            host=settings.host,
            user=settings.user,
            password=settings.password.reveal() if settings.password is not None else "",
            database=settings.name,
            charset="utf8mb4",
            read_timeout=settings.answer_timeout_s,
            write_timeout=settings.answer_timeout_s,
            cursorclass=DictCursor,
            defer_connect=True,
        )
        sock = self._socket()
        try:
            connection.connect(sock)
            return connection
        except (pymysql.MySQLError, OSError):
            raise
        except Exception:  # whatever PyMySQL makes of bytes that are no greeting; its text may repeat them
            problem = "what answers there is no MySQL or MariaDB"
        raise ConfigError(self.place, [problem])

    def _socket(self) -> socket.socket:
        """A connection. PyMySQL's own leaves a unix socket open that it could not connect."""
        settings = self.settings
        if settings.socket is None:
            return socket.create_connection((settings.host, settings.port), settings.connect_timeout_s)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(settings.connect_timeout_s)
            sock.connect(str(settings.socket))
        except OSError:
            sock.close()
            raise
        return sock

    def _tls(self) -> dict[str, Any]:
        """Without a word about TLS, PyMySQL would load the system's certificates at every connection."""
        if self.settings.tls == "off":
            return {"ssl_disabled": True}
        try:
            return {"ssl": client_context(self.settings.ca, verify=self.settings.tls == "verify")}
        except ValueError as error:
            raise ConfigError(self.place, [str(error)]) from None


def _key_content(cursor: DictCursor, *, lock: bool = False) -> bytes | None:
    """What stands in the GUI's row of the key; ``None`` if there is no such row."""
    query = "SELECT `content` FROM `system` WHERE `type` = %s LIMIT 1"
    cursor.execute(query + (" FOR UPDATE" if lock else ""), (KEY_TYPE,))
    row = cursor.fetchone()
    if row is None:
        return None
    content = row["content"] or b""
    return (content.encode() if isinstance(content, str) else bytes(content)).strip()


def _same_key(content: bytes, key: SnifferKey) -> bool:
    try:
        return from_gui_json(content, source="") == key
    except ConfigError:
        return False


def _words(error: Exception) -> str:
    """The server's or the client's words, without the number in front of them."""
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    return text or type(error).__name__
