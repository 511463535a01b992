"""Clients of different formats on real sockets: everything that a client gets is in its own."""

from __future__ import annotations

from shell.harness import lab

XML_IN = b'<AsteriskManagerInput><Action Value="%s"/><ActionID Value="%s"/></AsteriskManagerInput>'


async def test_a_client_that_changes_to_xml_and_back() -> None:
    """The answer to SetOutputFormat is in the new format; what stands behind SetInputFormat is read in it."""
    async with lab("pbx1") as amp:
        client = await amp.client(events="off")
        await client.send(("ProxyAction", "SetOutputFormat"), ("OutputFormat", "xml"))
        assert await client.raw() == (
            b'<AsteriskManagerProxyOutput>\r\n <ProxyResponse Value="Success"/>\r\n'
            b' <OutputFormat Value="xml"/>\r\n</AsteriskManagerProxyOutput>'
        )
        await client.send(("ProxyAction", "SetInputFormat"), ("InputFormat", "xml"))
        assert b'<InputFormat Value="xml"/>' in await client.raw()
        await client.stream.send_all(XML_IN % (b"CoreStatus", b"7"))
        answer = await client.raw()
        assert answer.startswith(b"<AsteriskManagerOutput>")
        assert b'<ActionID Value="7"/>' in answer
        assert answer.endswith(b' <Server Value="pbx1"/>\r\n</AsteriskManagerOutput>')
        await client.stream.send_all(
            b'<AsteriskManagerInput><ProxyAction Value="SetInputFormat"/><InputFormat Value="standard"/>'
            b"</AsteriskManagerInput>Action: Ping\r\nActionID: 8\r\n\r\n"
            b"ProxyAction: SetOutputFormat\r\nOutputFormat: standard\r\n\r\n"
        )
        assert b'<InputFormat Value="standard"/>' in await client.raw()
        assert b'<Ping Value="Pong"/>' in await client.raw()
        assert await client.raw() == b"ProxyResponse: Success\r\nOutputFormat: standard"
