"""Rows of the GUI's table of sensors."""

from __future__ import annotations

from pathlib import Path

import pytest

from amp.config.schema import AsteriskServer, Listen
from amp.config.secret import Secret
from amp.config.sensors import read_sensors
from amp.config.sniffers import VoipmonitorServer

TEMPLATE = VoipmonitorServer(kind="voipmonitor", name="sensor", sensors="database", exchanges=2)


def asterisk(name: str, *hosts: str) -> AsteriskServer:
    return AsteriskServer(name=name, hosts=hosts or ("pbx.example",), username="amp", secret=Secret("s"))


def sniffer(name: str, sensor_id: int | None = None) -> VoipmonitorServer:
    return VoipmonitorServer(kind="voipmonitor", name=name, socket=Path("/s"), sensor_id=sensor_id)


def row(number: object, host: object = "192.0.2.1", **more: object) -> dict[str, object]:
    return {"id_sensor": number, "host": host, **more}


def names(*rows: dict[str, object], others: tuple[AsteriskServer | VoipmonitorServer, ...] = ()) -> list[str]:
    fleet = read_sensors(rows, TEMPLATE, (*others, TEMPLATE))
    assert not fleet.problems
    return list(fleet.servers)


def test_a_row_is_a_server_with_the_keys_of_the_template() -> None:
    servers, problems, renamed = read_sensors(
        [row(7, " h ", port=5030, name="Prague ", timezone_name="x")], TEMPLATE, ()
    )
    assert not problems
    assert not renamed
    server = servers["Prague"]
    assert (server.sensor_id, server.place, server.exchanges, server.sensors) == (7, "h:5030", 2, None)


def test_old_tables_have_fewer_columns() -> None:
    servers = read_sensors([row(7), row(8, port=None, name=None, disable=None)], TEMPLATE, ()).servers
    assert [(name, server.place) for name, server in servers.items()] == [
        ("sensor7", "192.0.2.1:5029"),
        ("sensor8", "192.0.2.1:5029"),
    ]


def test_who_has_no_place_or_is_switched_off_is_passed_over() -> None:
    assert names(row(1, None), row(2, " "), row(3, disable=1), {"id_sensor": 4}, row(5, disable=0)) == [
        "sensor5"
    ]


@pytest.mark.parametrize("name", ["a,b", "a*", "first", "", "x" * 65, "a\nb", 3, b"raw"])
def test_a_name_that_cannot_be_one_is_replaced(name: object) -> None:
    assert names(row(2, name=name)) == ["sensor2"]


def test_names_clash_with_nobody() -> None:
    assert names(row(1, name="a"), row(2, name="A"), row(3, name="PBX"), others=(asterisk("pbx"),)) == [
        "a",
        "sensor2",
        "sensor3",
    ]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (row(None), "sensor without a number: expected a whole number from 0 to 4294967295, got"),
        ({"host": "h"}, "sensor without a number: expected a whole number from 0 to 4294967295, got"),
        (row(1, "h:22"), "sensor 1: expected a host without a port: the port has its own key"),
        (row(1, 7), "sensor 1: expected a string, got a whole number"),
        (row(1, port=70000), "sensor 1: expected a whole number from 1 to 65535"),
        (row(1, port="5029"), "sensor 1: expected a whole number from 1 to 65535, got a string"),
        (row(1, "localhost", port=5038), "sensor 1: it is one of amp's own listeners"),
        (row(9), "sensor 9: the name sensor9: taken"),
        (row(8, name="a"), "sensor 8: sensor9 has this sensor_id"),
    ],
)
def test_a_row_that_cannot_be_used_keeps_nobody_else_away(bad: dict[str, object], problem: str) -> None:
    fleet = read_sensors(
        [bad, row(2)], TEMPLATE, (sniffer("sensor9", 8),), (Listen(), Listen(activation="x"))
    )
    assert list(fleet.servers) == ["sensor2"]
    assert len(fleet.problems) == 1
    assert fleet.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("1", "it is a number, which means the sensor of that number"),
        ("192.0.2.77", "it is the host of another server"),
        ("2001:DB8::1", "it is the host of another server"),
        ("Praha.example", "it is the host of another server"),
        ("pbx.EXAMPLE", "it is the host of another server"),
        ("backup.example", "it is the host of another server"),
        ("pbx", "taken"),
        ("a*", "expected a server's name without , * ? [ ] (lists and globs in 'Server:')"),
    ],
)
def test_a_name_that_could_mean_another_server_is_replaced_and_told(name: str, why: str) -> None:
    others = (asterisk("pbx", "pbx.example", "backup.example"),)
    rows = [row(7, name=name), row(8, "praha.example", name="Praha")]
    fleet = read_sensors(rows, TEMPLATE, others)
    assert list(fleet.servers) == ["sensor7", "Praha"]
    assert fleet.renamed == (f"sensor 7 is called sensor7: its name in the GUI: {why}",)


def test_its_own_number_and_its_own_host_may_be_a_sensors_name() -> None:
    assert names(row(7, name="7"), row(8, "192.0.2.8", name="192.0.2.8"), row(9, name="sensor9")) == [
        "7",
        "192.0.2.8",
        "sensor9",
    ]


def test_two_sensors_at_one_host_are_not_called_by_it() -> None:
    fleet = read_sensors([row(7, "h", name="h"), row(8, "H", port=5030)], TEMPLATE, ())
    assert list(fleet.servers) == ["sensor7", "sensor8"]


def test_where_the_name_in_its_place_is_a_host_the_row_cannot_be_used() -> None:
    fleet = read_sensors([row(2, "sensor3", name="b"), row(3)], TEMPLATE, ())
    assert list(fleet.servers) == ["b"]
    assert fleet.problems == ("sensor 3: the name sensor3: it is the host of another server",)
