"""HTTP through the whole proxy: actions, logins, formats, who is refused."""

from __future__ import annotations

import attrs

from amp.config.schema import Listen
from shell.browsing import Browser, basic, query
from shell.harness import ANNA, lab

HTTP = (Listen(port=0, protocols=("http",)),)
BOTH = (Listen(port=0, protocols=("ami", "http"), detect_timeout_s=0.05),)
FLEET = attrs.evolve(ANNA, write=("all", "fanout"))


async def test_an_action_is_answered_as_on_tcp() -> None:
    async with lab("a", listen=BOTH) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("CoreStatus", ActionID="Foo"), basic())
        assert page.status == 200
        assert page.headers["content-type"] == "text/plain; charset=utf-8"
        client = await one.client(events="off")
        await client.action("CoreStatus", ("ActionID", "Foo"))
        assert page.text == (await client.raw()).decode() + "\r\n\r\n"


async def test_lists_are_gathered_whole_from_one_server_and_from_several() -> None:
    async with lab("a", "b", listen=HTTP, users=(FLEET,)) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("CoreShowChannels", ActionID="1"), basic())
        assert [frame.partition("\r\n")[0] for frame in page.frames] == [
            "Response: Success",
            "Event: CoreShowChannelsComplete",
        ]
        assert all("ActionID: 1" in frame for frame in page.frames)
        page = await browser.get(query("CoreShowChannels", Server="*"), basic())
        assert page.frames[-1].startswith("Event: ProxyFanoutComplete")
        assert {"Server: a", "Server: b"} <= {frame.splitlines()[-1] for frame in page.frames}
        assert "ActionID" not in page.text
