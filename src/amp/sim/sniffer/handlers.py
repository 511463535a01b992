"""What each command of a simulated sniffer answers; the texts are those of the recordings."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import orjson
import trio

from amp.core.voipmonitor.commands import COMMANDS
from amp.sim.sniffer.listing import list_calls, list_registers, wants_zip
from amp.sim.sniffer.request import Ask
from amp.sim.sniffer.spool import ROOT, packed
from amp.sim.sniffer.stat import stat_json, stat_plain

if TYPE_CHECKING:
    from amp.sim.sniffer.sniffer import SimSniffer

__all__ = ["FAILED", "HANDLERS", "NEED_AES", "NOT_FOUND", "Reply"]

Reply = bytes | Iterator[bytes] | AsyncGenerator[bytes, None]
Handler = Callable[["SimSniffer", Ask], Reply]

NOT_FOUND: Final = b"command not found\n"
FAILED: Final = b"failed aes decrypt!\n"
NEED_AES: Final = b"need aes!\n"
NO_CALL: Final = b"call not found"
PING_S: Final = 0.5
AUDIO: Final = bytes(2400)
"""0.15 s of silence, 16 bits, 8 kHz."""


def _gzip(data: bytes) -> bytes:
    return zlib.compress(data, wbits=31)


def _listcalls(sniffer: SimSniffer, ask: Ask) -> Reply:
    reply = list_calls(sniffer.live_calls(), ask.text, sniffer.wall(), sniffer.sensor_id)
    return _gzip(reply) if wants_zip(ask.text) else reply


def _listregisters(sniffer: SimSniffer, ask: Ask) -> Reply:
    reply = list_registers(sniffer.registers, ask.text, sniffer.wall(), sniffer.sensor_id)
    return _gzip(reply) if wants_zip(ask.text) else reply


def _sniffer_stat(sniffer: SimSniffer, ask: Ask) -> Reply:
    return stat_plain(sniffer.stat()) if b"plain" in ask.line else stat_json(sniffer.stat())


def _getfile(sniffer: SimSniffer, ask: Ask) -> Reply:
    pieces = _file(sniffer, ask.words[0] if ask.words else "")
    return packed(pieces) if b"getfile_zip" in ask.line else pieces


def _file(sniffer: SimSniffer, name: str) -> Iterator[bytes]:
    if ".." in name:
        return iter([b"access denied"])
    pieces = sniffer.spool.pieces(name)
    return pieces or iter([f"error: cannot open file {ROOT}/{name}".encode()])


def _file_exists(sniffer: SimSniffer, ask: Ask) -> Reply:
    names = (ask.words[0] if ask.words else "").split("|")
    sizes = [str(sniffer.spool.size(name) or "not_exists") for name in names]
    if len(names) == 1:
        return sizes[0].encode()
    return "".join(["ok\n", *(f"{name}:{size}\n" for name, size in zip(names, sizes, strict=True))]).encode()


def _getfile_in_tar(sniffer: SimSniffer, ask: Ask) -> Reply:
    tar, file, key = [*ask.words, "", "", ""][:3]
    pieces = sniffer.spool.pieces(f"{tar}/{file}")
    if pieces is None:
        return f"error: missing file [{tar}]".encode()
    sniffer.complete_tars.add((tar, file, key))
    return packed(pieces) if b"getfile_in_tar_zip" in ask.line else pieces


def _check_complete(sniffer: SimSniffer, ask: Ask) -> Reply:
    return b"OK" if tuple(ask.words[:3]) in sniffer.complete_tars else b"uncomplete"


def _active_call_info(sniffer: SimSniffer, ask: Ask) -> Reply:
    text, pack = ask.text.decode("utf-8", "replace"), False
    if text.startswith("{"):
        asked = orjson.loads(text)
        text, pack = str(asked.get("callreference")), str(asked.get("zip")).lower() in ("yes", "true", "1")
    call = sniffer.find_call(text)
    if call is None:
        return _gzip(NO_CALL) if pack else NO_CALL
    header, row = orjson.loads(list_calls([call], b"", sniffer.wall(), sniffer.sensor_id))
    about = {"call": dict(zip(header, row, strict=False)), "sip_packets": [], "rtp_streams": []}
    reply = orjson.dumps(about).replace(b"/", b"\\/")
    return _gzip(reply) if pack else reply


def _listen(sniffer: SimSniffer, ask: Ask) -> Reply:
    return b"success" if sniffer.find_call([*ask.words, ""][0]) else NO_CALL


def _readaudio(sniffer: SimSniffer, ask: Ask) -> Reply:
    call = sniffer.find_call([*ask.words, ""][0])
    if call is None:
        return b"error: call not found"
    return AUDIO if call.talks(sniffer.wall()) else b"information: wait for data"


def _startlivesniffer(sniffer: SimSniffer, ask: Ask) -> Reply:
    try:
        asked = orjson.loads(ask.text)
        sniffer.live_sniffers[str(asked["uid"])] = asked
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass  # nothing is ever reported
    return b""


def _stoplivesniffer(sniffer: SimSniffer, ask: Ask) -> Reply:
    sniffer.live_sniffers.pop(ask.text.decode("latin-1"), None)
    return b""


def _getlivesniffer(sniffer: SimSniffer, ask: Ask) -> Reply:
    found = sniffer.live_sniffers.get(ask.text.decode("latin-1"))
    return b"0" if found is None else b"1 " + orjson.dumps(found)


def _getactivesniffers(sniffer: SimSniffer, ask: Ask) -> Reply:
    entries = [f'{{"uid": "{uid}","state":"sip type: I ; "}}' for uid in sniffer.live_sniffers]
    return f"[{','.join(entries)}]".encode()


def _sensor_information(sniffer: SimSniffer, ask: Ask) -> Reply:
    kind, *more = [*ask.words, ""]
    texts = {
        "proc_meminfo": "MemTotal:       16384000 kB\nMemFree:         8192000 kB\n",
        "proc_cpuinfo": "processor\t: 0\nmodel name\t: Simulated\n",
        "configuration_file": sniffer.configuration(),
    }
    reply = texts.get(kind, "").encode()
    return _gzip(reply) if "zip" in more and reply else reply


def _help(sniffer: SimSniffer, ask: Ask) -> Reply:
    if not ask.text:
        return b"List of commands:\n\n" + b"".join(b"%s ... .\n\n" % name.encode() for name in COMMANDS)
    if not ask.line.endswith(b" "):
        return b""
    name = ask.text.decode("latin-1")
    return f"{name} ... .\n\n".encode() if name in COMMANDS else f"Command {name} not found.\n\n".encode()


async def _login_screen_popup(sniffer: SimSniffer, ask: Ask) -> AsyncGenerator[bytes, None]:
    user, password = [*ask.words, "", ""][:2]
    if sniffer.popup_users.get(user) != password or not password:
        yield b"login_failed error:[[Invalid user or password.]]\n"
        return
    yield b"login_ok auto_popup:[[1]] popup_on_200:[[1]] popup_on_18:[[1]] popup_title:[[Sim popup]]\n"
    told: set[tuple[str, int]] = {
        (call.callid, call.response(sniffer.wall())) for call in sniffer.live_calls()
    }
    while True:
        await trio.sleep(PING_S)
        yield b"ping\n"
        for call in reversed(sniffer.live_calls()):
            response = call.response(sniffer.wall())
            if (call.callid, response) not in told:
                told.add((call.callid, response))
                who = f"callername:[[{call.caller_name}]] caller:[[{call.caller}]] called:[[{call.called}]]"
                yield (
                    f"call_data: sipresponse:[[{response}]] {who} fields:[[]]\n".encode() + b"_" * 999 + b"\n"
                )


def _manager_file(sniffer: SimSniffer, ask: Ask) -> Reply:
    if b"start" in ask.line:
        path = [*ask.words[1:], "/tmp/vm_manager_socket"][0]  # noqa: S108 -- the sniffer's own default
        opened = sniffer.open_socket(path)
        return f"{'OK' if opened else 'running'} ({sniffer.socket_path})\n".encode()
    return b"OK\n" if sniffer.close_socket() else b"not running\n"


def _restart(sniffer: SimSniffer, ask: Ask) -> Reply:
    sniffer.restart()
    return b"restart"


def _text(reply: bytes) -> Handler:
    return lambda sniffer, ask: reply


HANDLERS: Final[Mapping[str, Handler]] = {
    "getversion": lambda sniffer, ask: sniffer.version.encode(),
    "getbuild": lambda sniffer, ask: sniffer.build.encode(),
    "getverbuild": lambda sniffer, ask: f"{sniffer.version} ({sniffer.build})".encode(),
    "totalcalls": lambda sniffer, ask: str(len(sniffer.live_calls())).encode(),
    "totalregisters": lambda sniffer, ask: str(sniffer.registers).encode(),
    "listcalls": _listcalls,
    "listregisters": _listregisters,
    "sniffer_stat": _sniffer_stat,
    "getfile": _getfile,
    "getfile_zip": _getfile,
    "getfile_in_tar": _getfile_in_tar,
    "getfile_in_tar_zip": _getfile_in_tar,
    "getfile_in_tar_check_complete": _check_complete,
    "getfile_is_zip_support": _text(b"OK"),
    "file_exists": _file_exists,
    "fileexists": lambda sniffer, ask: str(sniffer.spool.size([*ask.words, ""][0]) or 0).encode(),
    "active_call_info": _active_call_info,
    "listen": _listen,
    "readaudio": _readaudio,
    "startlivesniffer": _startlivesniffer,
    "stoplivesniffer": _stoplivesniffer,
    "getlivesniffer": _getlivesniffer,
    "getactivesniffers": _getactivesniffers,
    "get_sensor_information": _sensor_information,
    "get_json_config": lambda sniffer, ask: sniffer.configuration().encode(),
    "list_active_clients": _text(b'{"count":0}'),
    "sniffer_threads": _text(b'{"cpu_all":0,"cpu_count":2,"cpu_ht":1,"threads":[]}'),
    "is_register_new": _text(b"ok"),
    "sipports": _text(b"5060-5090,\n"),
    "support_aes": _text(b"yes"),
    "exists_aes_key": lambda sniffer, ask: b"no" if sniffer.read_key() is None else b"yes",
    "need_aes": _text(NEED_AES),
    "failed_aes_decrypt": _text(FAILED),
    "help": _help,
    "login_screen_popup": _login_screen_popup,
    "manager_file": _manager_file,
    "restart": _restart,
}
"""By name; what is missing answers nothing, as many real ones do."""
