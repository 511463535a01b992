"""pystrix, as its users use it. Arguments: PORT USERNAME SECRET. Reports one JSON object a line.

After "restart" it waits for a line on standard input: the PBX has been restarted meanwhile.
"""

import json
import queue
import sys
import time

from pystrix import ami


def report(step: str, **facts: object) -> None:
    print(json.dumps({"step": step, **facts}), flush=True)


def sign_in(port: int, username: str, secret: str) -> ami.Manager:
    manager = ami.Manager()
    manager.connect("127.0.0.1", port)
    challenge = manager.send_action(ami.core.Challenge())
    manager.send_action(ami.core.Login(username, secret, challenge=challenge.result["Challenge"]))
    return manager


def until(events: "queue.Queue[dict]", wanted: dict) -> dict:
    while True:
        event = events.get(timeout=20)
        if wanted.items() <= event.items():
            return event


def back_again(manager: ami.Manager, port: int, username: str, secret: str) -> None:
    for _ in range(200):
        try:
            if not manager.is_connected():
                manager = sign_in(port, username, secret)
            request = ami.core.Command("core show version")
            request.timeout = 2
            answer = manager.send_action(request)
            if answer is not None and answer.success:
                return
        except Exception:
            pass
        time.sleep(0.1)
    raise SystemExit("never came back")


def main(port: int, username: str, secret: str) -> None:
    manager = sign_in(port, username, secret)
    events: queue.Queue[dict] = queue.Queue()
    items = []
    manager.register_callback("", lambda event, _: events.put(dict(event)))
    manager.register_callback("CoreShowChannel", lambda event, _: items.append(dict(event)))
    report("login", method="md5")
    report("ping", answer=manager.send_action(ami.core.Ping()).response["Ping"])
    answer = manager.send_action(ami.core.CoreShowChannels())
    until(events, {"Event": "CoreShowChannelsComplete", "ActionID": answer.action_id})
    names = [item["Channel"] for item in items if item.get("ActionID") == answer.action_id]
    report("list", items=len(names), distinct=len(set(names)))
    answer = manager.send_action(ami.core.Command("core show version"))
    report("command", output=str(answer.response.get("Output") or answer.response.data[0]))
    manager.send_action(ami.core.Setvar("PYSTRIX", "smörgås"))
    report("getvar", value=manager.send_action(ami.core.Getvar("PYSTRIX")).response["Value"])
    where = ("Local/instant@amp-legs/n", "amp-load", "none", "1")
    call = ami.core.Originate_Context(*where, timeout=15000, async_=False)
    report("originate_sync", response=manager.send_action(call).response["Response"])
    answer = manager.send_action(ami.core.Originate_Context(*where, timeout=15000))
    event = until(events, {"Event": "OriginateResponse", "ActionID": answer.action_id})
    report("originate_async", response=event["Response"])
    manager.send_action(ami.core.UserEvent(UserEvent="Pystrix", Note="mine"))
    report("userevent", note=until(events, {"Event": "UserEvent", "UserEvent": "Pystrix"})["Note"])
    report("restart")
    sys.stdin.readline()
    back_again(manager, port, username, secret)
    report("back")
    manager.close()


main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
