"""What ``amp top`` makes of two looks: rates, order, filter."""

from __future__ import annotations

from typing import Any

from amp.cli.top_rates import CLIENTS, SERVERS, Look, Order, Rates, rated

PBX1 = {"name": "pbx1", "state": "up", "paused": False, "events": 100, "bytes_in": 4000, "pending": 3}
PBX2 = {"name": "pbx2", "state": "down", "events": 7, "bytes_in": 0, "pending": 0, "reason": "refused"}


def look(at: float, uptime_s: float, *servers: dict[str, Any]) -> Look:
    return Look(at, {"uptime_s": uptime_s}, servers, ())


def test_a_rate_is_what_was_counted_since_the_last_look() -> None:
    rates = Rates()
    assert rates.take(look(10.0, 5.0, PBX1, PBX2)).servers == (PBX1, PBX2)
    first, second = rates.take(look(12.0, 7.0, {**PBX1, "events": 150}, PBX2)).servers
    assert (first["events_s"], first["bytes_in_s"], second["events_s"]) == (25.0, 0.0, 0.0)
    assert "actions_s" not in first  # it has no such counter


def test_nothing_is_made_up() -> None:
    """Neither of another amp in the same place, nor of what is new, nor from two looks at one time."""
    rates = Rates()
    rates.take(look(10.0, 5.0, PBX1))
    (again,) = rates.take(look(11.0, 0.1, {**PBX1, "events": 2})).servers
    assert "events_s" not in again
    _, fresh = rates.take(look(12.0, 1.1, PBX1, PBX2)).servers
    assert "events_s" not in fresh
    assert rated([PBX1], {"pbx1": PBX1}, "name", 0.0) == [PBX1]
    (one,) = rated([{**PBX1, "events": 1}], {"pbx1": PBX1}, "name", 1.0)
    assert one["events_s"] == 0.0  # a counter that begins anew


def test_rows_are_sorted_by_one_column_after_the_other() -> None:
    order = Order(SERVERS)
    assert order.apply([PBX2, PBX1]) == [PBX2, PBX1]
    order.next()
    assert (order.apply([PBX2, PBX1]), order.titles()[0]) == ([PBX1, PBX2], "NAME ▲")
    while order.by is not None and SERVERS[order.by].column.title != "PENDING":
        order.next()
    assert (order.apply([PBX2, PBX1]), order.titles()[5]) == ([PBX1, PBX2], "PENDING ▼")
    for _ in SERVERS[5:]:
        order.next()
    assert order.by is None
    assert order.titles() == [one.column.title for one in SERVERS]


def test_a_text_anywhere_in_a_row_keeps_it() -> None:
    assert Order(SERVERS, wanted="REFUS").apply([PBX1, PBX2]) == [PBX2]
    assert Order(SERVERS, wanted="pbx").apply([PBX1, PBX2]) == [PBX1, PBX2]
    assert Order(SERVERS, wanted="nix").apply([PBX1, PBX2]) == []


def test_cells_are_short() -> None:
    client = {
        "number": 7,
        "user": None,
        "events_s": 0.25,
        "bytes_out_s": 123456.7,
        "waiting_bytes": 33_554_432,
    }
    shown = dict(zip((one.column.title for one in CLIENTS), Order(CLIENTS).cells(client), strict=True))
    assert shown["EVENTS/s"] == "0.2"
    assert (shown["OUT/s"], shown["WAITING"], shown["USER"], shown["GAPS"]) == ("121k", "32M", "-", "-")
    assert Order(CLIENTS).cells({**client, "events_s": 1234.5})[4] == "1234"
