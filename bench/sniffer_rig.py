"""Simulated sniffers, an amp before them, and who asks: what the scenarios ``sniffers-...`` are made of."""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs

from bench.ampproc import AmpProcess
from bench.child import Child
from bench.fetcher import IV, KEY
from bench.procfs import cpu_s
from bench.scenario import Settings

__all__ = ["AskRound", "amp_before", "ask", "asked_so_far", "simulated"]

USER = '[[user]]\nname = "gui"\nsecret = "gui"\nsniffer_commands = "gui"\n\n'


@attrs.frozen(kw_only=True)
class AskRound:
    """One round of commands.

    Attributes:
        answers: how many came, and were right.
        rate: answers per second.
        p50_us, p99_us: from connecting till the end of the reply.
        cpu_us: CPU of amp per answer; 0 where there is no amp.
        faults: replies that were wrong, connections that were closed.
    """

    answers: int
    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    faults: tuple[str, ...]


def simulated(stack: ExitStack, settings: Settings, **options: str | int) -> tuple[Child, list[int]]:
    """Start simulated sniffers in a process of their own (see `bench.sniffers`); it and their ports."""
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    command = [*settings.programs.leash, sys.executable, "-m", "bench.sniffers", *words]
    child = stack.enter_context(Child(command))
    return child, child.expect("ports")["ports"]


def asked_so_far(sniffers: Child) -> dict[str, int]:
    """How often each command was worked by simulated sniffers, and connections in all as ``""``."""
    sniffers.say("count")
    seen = sniffers.expect("asked")
    return {**seen["asked"], "": seen["exchanges"]}


def amp_before(
    stack: ExitStack,
    settings: Settings,
    ports: Sequence[int],
    *,
    keyed: bool,
    server: str = "",
    more: str = "",
) -> AmpProcess:
    """amp with a sniffer ``s1``, ``s2``, ... at each port, and a listener in the place of the first.

    Args:
        keyed: the sniffers have the bench's key, and so has the listener.
        server: further lines of each sniffer.
        more: further tables.
    """
    key, iv = (base64.b64encode(part).decode() for part in (KEY, IV))
    pair = f'key = "{key}"\niv = "{iv}"\n' if keyed else ""
    encryption = pair or 'encryption = "none"\n'
    servers = "".join(
        f'[[server]]\nkind = "voipmonitor"\nname = "s{number}"\nhost = "127.0.0.1"\nport = {port}\n'
        f"{encryption}{server}\n"
        for number, port in enumerate(ports, 1)
    )
    listen = f'[[listen]]\nport = 0\nprotocols = ["voipmonitor"]\nserver = "s1"\nuser = "gui"\n{pair}\n'
    return stack.enter_context(AmpProcess(settings, [], servers + listen + USER + more))


def ask(
    settings: Settings,
    port: int,
    clients: int,
    files: tuple[Path, Path],
    *,
    amp_pid: int = 0,
    each: int = 0,
) -> AskRound:
    """Let clients ask, each over one connection for each command.

    Args:
        files: the bytes of the request, and those of the reply.
        each: how often each of them asks; 0 for as often as it can.
    """
    argv = settings.programs.argv(
        "exchanger",
        port=port,
        clients=clients,
        milliseconds=int(settings.seconds * 1000),
        request=str(files[0]),
        expect=str(files[1]),
        each=each,
    )
    with Child(argv) as exchanger:
        exchanger.expect("ready")
        before_s = cpu_s(amp_pid) if amp_pid else 0.0
        exchanger.say("go")
        seen = exchanger.expect("answers", timeout_s=settings.seconds + 30)
        used_s = cpu_s(amp_pid) - before_s if amp_pid else 0.0
    return AskRound(
        answers=seen["answers"],
        rate=seen["answers"] / seen["seconds"],
        p50_us=seen["p50_us"],
        p99_us=seen["p99_us"],
        cpu_us=used_s * 1e6 / max(seen["answers"], 1),
        faults=tuple(f"{seen[name]} {name}" for name in ("wrong", "closed", "unanswered") if seen[name]),
    )
