"""The GUI's database as amp reads and writes it, on a real MariaDB."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
import trio

from amp.config.secret import Secret
from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.key_forms import to_gui_json
from amp.errors import ConfigError
from amp.shell.database_thread import DatabaseThread
from amp.shell.gui_database import MOST_SENSORS, GuiDatabase
from certificates import authority
from real.mariadb import Gui, MariaDb

pytestmark = pytest.mark.mariadb

KEY = SnifferKey(b"a key of thirty-two bytes in all", b"an initial value")
OTHER = SnifferKey(b"sixteen bytes ok", b"an initial value")


def problem(database: GuiDatabase, method: str = "key", **arguments: Any) -> str:
    """What is told; never with the key or the password in it."""
    with pytest.raises(ConfigError) as told:
        getattr(database, method)(**arguments)
    text = str(told.value)
    assert text.startswith(database.place)
    assert "its password" not in text
    assert told.value.__cause__ is None or "password" not in str(told.value.__cause__)
    return text.removeprefix(f"{database.place}: ")


def test_a_key_is_stored_and_found(gui: Gui) -> None:
    database = GuiDatabase(gui.settings())
    assert database.key() is None
    assert database.store_key(KEY, force=False)
    assert database.key() == KEY
    assert gui.run("SELECT type, content FROM `system`") == (("manager_key", to_gui_json(KEY).decode()),)
    assert not database.store_key(KEY, force=False)


def test_another_key_is_replaced_by_force_only(gui: Gui) -> None:
    database = GuiDatabase(gui.settings())
    database.store_key(OTHER, force=False)
    assert problem(database, "store_key", key=KEY, force=False) == (
        "there is another key already; --force replaces it"
    )
    assert database.key() == OTHER
    assert database.store_key(KEY, force=True)
    assert database.key() == KEY
    assert gui.run("SELECT count(*) FROM `system`") == ((1,),)


def test_the_key_goes_beside_the_other_rows(gui: Gui) -> None:
    gui.run("INSERT INTO `system` (type, content) VALUES ('other', 'x'), ('manager_key', '')")
    database = GuiDatabase(gui.settings())
    assert database.key() is None
    database.store_key(KEY, force=False)
    assert database.key() == KEY
    assert ("other", "x") in gui.run("SELECT type, content FROM `system`")


@pytest.mark.parametrize("content", ["{}", "secret", '{"key": "QUJD", "iv": "QUJD"}', '{"key": 1, "iv": 2}'])
def test_what_is_no_key_is_told_without_showing_it(gui: Gui, content: str) -> None:
    gui.run("INSERT INTO `system` (type, content) VALUES ('manager_key', %s)", content)
    text = problem(GuiDatabase(gui.settings()))
    assert "QUJD" not in text
    assert content not in text


def test_a_column_that_cuts_the_key_does_not_go_unnoticed(gui: Gui) -> None:
    gui.run("ALTER TABLE `system` MODIFY content varchar(20)")
    gui.run("SET GLOBAL sql_mode = ''")
    try:
        told = problem(GuiDatabase(gui.settings()), "store_key", key=KEY, force=False)
    finally:
        gui.run("SET GLOBAL sql_mode = DEFAULT")
    assert told == "the table system does not keep the key as it was written"
    assert gui.run("SELECT * FROM `system`") == ()


def test_the_unix_socket(gui: Gui) -> None:
    GuiDatabase(gui.settings()).store_key(KEY, force=False)
    database = GuiDatabase(gui.settings(socket=gui.server.socket, port=1))
    assert database.key() == KEY


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"password": Secret("wrong")}, "Access denied for user"),
        ({"password": None}, "Access denied for user"),
        ({"name": "nothing"}, "Access denied for user"),
        ({"port": 1}, "Connection refused"),
        ({"socket": Path("/nowhere/m.sock")}, "No such file or directory"),
        ({"host": "host.invalid"}, "ame "),
    ],
)
def test_what_is_in_the_way_is_told(gui: Gui, more: dict[str, Any], words: str) -> None:
    assert words in problem(GuiDatabase(gui.settings(**more)))


def test_tables_that_are_not_there_are_told(gui: Gui) -> None:
    gui.run("DROP TABLE `system`")
    gui.run("DROP TABLE sensors")
    database = GuiDatabase(gui.settings())
    assert problem(database) == f"Table '{gui.name}.system' doesn't exist"
    assert problem(database, "sensors") == f"Table '{gui.name}.sensors' doesn't exist"


def test_an_account_that_may_only_read_cannot_write(gui: Gui) -> None:
    gui.run(f"REVOKE ALL ON {gui.name}.* FROM {gui.name}@'%'")
    gui.run(f"GRANT SELECT ON {gui.name}.`system` TO {gui.name}@'%'")
    database = GuiDatabase(gui.settings())
    assert database.key() is None
    assert "denied" in problem(database, "store_key", key=KEY, force=False)


def test_sensors_with_whatever_columns_there_are(gui: Gui) -> None:
    gui.sensor(9, None)
    gui.sensor(2, "192.0.2.2", 5030, "Praha")
    rows = GuiDatabase(gui.settings()).sensors()
    assert [(row["id_sensor"], row["host"], row["port"], row["name"]) for row in rows] == [
        (2, "192.0.2.2", 5030, "Praha"),
        (9, None, None, None),
    ]
    for column in ("name", "port", "disable"):
        gui.run(f"ALTER TABLE sensors DROP COLUMN `{column}`")
    assert "name" not in GuiDatabase(gui.settings()).sensors()[0]


def test_too_many_sensors_are_told(gui: Gui) -> None:
    gui.run(f"INSERT INTO sensors (id_sensor, host) SELECT seq, 'h' FROM seq_1_to_{MOST_SENSORS + 1}")
    assert problem(GuiDatabase(gui.settings()), "sensors") == f"more than {MOST_SENSORS} sensors"


@pytest.mark.parametrize("greeting", [b"Asterisk Call Manager/11.0.0\r\n", b"\x00\x00\x00\x00", b"\xff" * 99])
async def test_something_else_that_answers_there(greeting: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        database = GuiDatabase(
            Gui(MariaDb(Path(), listener.getsockname()[1]), "x").settings(answer_timeout_s=0.2)
        )

        def greet() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(greeting)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1000):
                    pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, greet)
            assert await trio.to_thread.run_sync(problem, database)


async def test_a_database_that_hangs_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        gui = Gui(MariaDb(Path(), listener.getsockname()[1]), "x")
        database = GuiDatabase(gui.settings(connect_timeout_s=0.2, answer_timeout_s=0.2))
        thread = DatabaseThread(database)
        told: list[str] = []

        async def look() -> None:
            with pytest.raises(ConfigError) as caught:
                await thread.call(database.key)
            told.extend(caught.value.problems)

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(look)
        assert len(told) == 10
        assert "no answer within 0.4 s" in told


def test_tls(mariadb: MariaDb, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tls")
    authority().issue(folder, "127.0.0.1", stem="db")
    authority().write(folder, stem="ca")
    server = MariaDb.installed(folder)
    server.more = (
        f"--ssl-cert={folder}/db.pem",
        f"--ssl-key={folder}/db.key",
        "--require-secure-transport=on",
    )
    server.start()
    try:
        gui = server.gui()
        ca = folder / "ca.pem"
        assert GuiDatabase(gui.settings(tls="verify", ca=ca)).key() is None
        assert GuiDatabase(gui.settings(tls="insecure")).key() is None
        assert "certificate verify failed" in problem(GuiDatabase(gui.settings(tls="verify")))
        assert "denied" in problem(GuiDatabase(gui.settings()))
        assert "ca: cannot read" in problem(GuiDatabase(gui.settings(tls="verify", ca=folder / "none")))
    finally:
        server.kill()


def test_the_gui_can_read_what_is_written(gui: Gui) -> None:
    GuiDatabase(gui.settings()).store_key(KEY, force=False)
    ((content,),) = gui.run("SELECT content FROM `system` WHERE type = 'manager_key'")
    assert list(orjson.loads(content)) == ["key", "iv"]
