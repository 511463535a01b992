"""A session's events: all of them in order, or a gap that says which are missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.auth import User
from amp.core.ami.frame import Frame
from amp.core.fanout.batch import Span
from amp.core.http.event_queue import EventQueue
from amp.core.http.recognised import Recognised


def batch(server: bytes, first: int, count: int) -> tuple[bytes, Span]:
    frames = [b"Event: X\r\nSeq: %d\r\nServer: %s\r\n\r\n" % (n, server) for n in range(first, first + count)]
    return b"".join(frames), Span(server, b"e", first, first + count - 1)


def test_events_come_out_once_in_order() -> None:
    queue = EventQueue(1000)
    assert not queue
    queue.offer(*batch(b"a", 1, 2))
    queue.offer(*batch(b"b", 1, 1))
    assert queue
    assert [Frame.parse(raw).get(b"Seq") for raw in queue.take()] == [b"1", b"2", b"1"]
    assert not queue
    assert queue.take() == []


PLANS = st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(1, 5)), max_size=30)


@given(PLANS, st.integers(1, 400))
def test_every_event_is_there_or_in_a_gap(plan: list[tuple[bytes, int]], most: int) -> None:
    queue, heads = EventQueue(most), {b"a": 0, b"b": 0}
    for server, count in plan:
        queue.offer(*batch(server, heads[server] + 1, count))
        heads[server] += count
        assert queue.size <= most
    seen: dict[bytes, list[int]] = {b"a": [], b"b": []}
    for raw in queue.take():
        frame = Frame.parse(raw)
        server = frame.get(b"Server") or b""
        if frame.name == b"ProxyGap":
            assert frame.get(b"Reason") == b"session queue full"
            assert not seen[server], "a gap comes first"
            seen[server] += range(int(frame.get(b"From") or 0), int(frame.get(b"To") or 0) + 1)
        else:
            seen[server].append(int(frame.get(b"Seq") or 0))
    assert seen == {server: list(range(1, head + 1)) for server, head in heads.items()}


def test_who_was_recognised_needs_no_secret() -> None:
    user = User(name="anna", secret="s")
    someone, nobody = Recognised(user), Recognised(None)
    assert someone.verify_secret(b"anna", b"") is user
    assert nobody.verify_secret(b"anna", b"s") is None
    assert someone.hash_to_check(b"anna") is None
    assert someone.verify_hashed(b"anna", "x") is None
    assert someone.verify_md5(b"anna", b"1", b"2") is None
    assert someone.verify_proxy_key(b"k") is None
