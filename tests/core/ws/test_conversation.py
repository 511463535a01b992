"""amp.v1 from one end: requests in, what to do out."""

from __future__ import annotations

import json
from typing import Any

from amp.core.ami.frame import Frame
from amp.core.fanout.catchup import Position
from amp.core.ws.conversation import Command, Conversation, Locate, Perform, Say, Show, SignIn
from amp.core.ws.requests import Login
from amp.core.ws.selection import Selection, Subscription


def ask(conversation: Conversation, *, signed_in: bool = True, **fields: object) -> Command:
    return conversation.receive(json.dumps({"id": 1, **fields}), signed_in=signed_in)


def said(command: Command) -> dict[str, Any]:
    assert isinstance(command, Say)
    found = json.loads(command.data)
    assert isinstance(found, dict)
    return found


def subscription(**globs: str) -> Subscription:
    found = {name: frozenset((glob.encode(),)) for name, glob in globs.items()}
    return Subscription(found.get("servers", frozenset()), found.get("events", frozenset()))


def test_nothing_but_login_and_ping_before_the_login() -> None:
    one = Conversation(2, 2)
    assert said(ask(one, signed_in=False, type="ping")) == {"type": "response", "id": 1, "ok": True}
    denied = said(ask(one, signed_in=False, type="subscribe"))
    assert denied["error"] == {"code": "not_signed_in", "message": "the first request has to be a login"}
    login = ask(one, signed_in=False, type="login", username="u", secret="s")
    assert login == SignIn(Login(1, "u", "s"))
    assert said(ask(one, type="nothing"))["error"]["code"] == "bad_request"


def test_subscriptions_add_up_and_go() -> None:
    one = Conversation(2, 2)
    a, b = subscription(events="a"), subscription(servers="b")
    assert ask(one, type="subscribe", sub="a", events="A") == Show(1, "a", Selection.of([a]), False, None)
    assert ask(one, type="subscribe", servers="b", batch=True) == Show(
        1, "", Selection.of([a, b]), True, None
    )
    assert said(ask(one, type="subscribe", sub="c"))["error"]["code"] == "too_many"
    assert ask(one, type="subscribe", sub="", servers="b") == Show(1, "", Selection.of([a, b]), False, None)
    assert ask(one, type="unsubscribe", sub="a") == Show(1, "a", Selection.of([b]), False, None)
    assert ask(one, type="unsubscribe") == Show(1, "", None, False, None)
    assert said(ask(one, type="unsubscribe"))["error"]["code"] == "bad_request"


def test_all_subscriptions_together_may_cost_so_much() -> None:
    one = Conversation(64, 2)
    costly = ["?" * 49 + str(number) for number in range(3)]
    assert isinstance(ask(one, type="subscribe", sub="a", events=costly[0]), Show)
    assert isinstance(ask(one, type="subscribe", sub="b", events=costly[1]), Show)
    refused = said(ask(one, type="subscribe", sub="c", events=costly[2]))["error"]
    assert refused["code"] == "too_many"
    assert refused["message"].startswith("all subscriptions together may have globs of 100 parts")
    assert isinstance(ask(one, type="subscribe", sub="b", events=costly[2]), Show)
    assert isinstance(ask(one, type="subscribe", sub="c", events=[f"name{i}" for i in range(64)]), Show)


def test_only_the_first_subscription_resumes() -> None:
    one = Conversation(2, 2)
    since = {"pbx1": {"epoch": "e", "seq": 4}}
    show = ask(one, type="subscribe", since=since)
    assert show == Show(1, "", Selection(), False, {b"pbx1": Position(b"e", 4)})
    assert said(ask(one, type="subscribe", since=since))["error"]["code"] == "bad_request"
    one.undo("")
    assert isinstance(ask(one, type="subscribe", since=since), Show)


def test_a_ping_of_who_has_subscribed_asks_where_it_stands() -> None:
    one = Conversation(2, 2)
    assert said(ask(one, type="ping"))["ok"]
    ask(one, type="subscribe")
    assert ask(one, type="ping") == Locate(1)


def test_so_many_requests_at_a_time() -> None:
    one = Conversation(2, 1)
    perform = ask(one, type="action", action={"Action": "Ping"})
    assert isinstance(perform, Perform)
    assert perform.act.frame == Frame.of(("Action", "Ping"))
    refused = said(ask(one, type="command", server="s", command="x"))
    assert refused["error"] == {"code": "too_many", "message": "Not sent: 1 requests are unanswered already"}
    one.answered()
    assert isinstance(ask(one, type="command", server="s", command="x"), Perform)
