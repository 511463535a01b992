"""panoramisk, as its users use it. Arguments: PORT USERNAME SECRET. Reports one JSON object a line.

After "restart" it waits for a line on standard input: the PBX has been restarted meanwhile.
"""

import asyncio
import json
import sys

from panoramisk import Manager


def report(step: str, **facts: object) -> None:
    print(json.dumps({"step": step, **facts}), flush=True)


async def ask(manager: Manager, as_list: bool | None = None, **headers: object):
    return await asyncio.wait_for(manager.send_action(dict(headers), as_list=as_list), 20)


async def back_again(manager: Manager) -> int:
    for attempt in range(200):
        try:
            answer = await asyncio.wait_for(manager.send_action({"Action": "CoreStatus"}), 2)
        except (TimeoutError, AttributeError):
            continue
        if answer.success:
            return attempt
        await asyncio.sleep(0.1)
    raise SystemExit("never came back")


async def main(port: int, username: str, secret: str) -> None:
    manager = Manager(host="127.0.0.1", port=port, username=username, secret=secret, reconnect_timeout=1)
    manager.loop = asyncio.get_running_loop()
    events = asyncio.Queue()
    manager.register_event("UserEvent", lambda _, event: events.put_nowait(event))
    await manager.connect()
    while not manager.authenticated:  # noqa: ASYNC110 - it offers no way to wait for it
        await asyncio.sleep(0.02)
    report("login", method="secret")
    report("ping", answer=(await ask(manager, Action="Ping")).ping)
    channels = await ask(manager, as_list=True, Action="CoreShowChannels")
    names = [item.channel for item in channels if item.event == "CoreShowChannel"]
    report("list", items=len(names), distinct=len(set(names)))
    output = (await manager.send_command("core show version")).output
    report("command", output=output if isinstance(output, str) else output[0])
    await ask(manager, Action="Setvar", Variable="PANORAMISK", Value="räksmörgås")
    report("getvar", value=(await ask(manager, Action="Getvar", Variable="PANORAMISK")).value)
    call = {"Action": "Originate", "Channel": "Local/instant@amp-legs/n", "Timeout": "15000"}
    call |= {"Context": "amp-load", "Exten": "none", "Priority": "1"}
    report("originate_sync", response=(await ask(manager, as_list=False, **call, Async="false")).response)
    answers = await ask(manager, **call, Async="true")  # queued, and the OriginateResponse with its ActionID
    report("originate_async", response=answers[-1].response, event=answers[-1].event)
    await ask(manager, Action="UserEvent", UserEvent="Panoramisk", Note="mine")
    event = await asyncio.wait_for(events.get(), 20)
    while event.userevent != "Panoramisk":
        event = await asyncio.wait_for(events.get(), 20)
    report("userevent", note=event.note)
    report("restart")
    await asyncio.to_thread(sys.stdin.readline)
    await back_again(manager)
    report("back")
    manager.close()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
