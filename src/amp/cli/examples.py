"""What the help of each command ends with: ways to use it, and what its exit codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["EXAMPLES"]

EXAMPLES: Final[Mapping[str, str]] = {
    "run": """\
Examples:

  amp run /etc/amp/amp.toml
  amp check /etc/amp/amp.toml && kill -HUP PID    (reload a running one)

Exit codes: 0 stopped on request, 1 failed, 2 an unusable configuration.""",
    "check": """\
Examples:

  amp check /etc/amp/amp.toml
  sudo -u amp amp check /etc/amp/amp.toml   (can its user read all secrets?)

Exit codes: 0 it can be used, 2 it cannot.""",
    "import": """\
Examples:

  amp import /etc/asterisk/astmanproxy.conf > amp.toml
  amp import astmanproxy.conf astmanproxy.users > amp.toml
  amp import /etc/asterisk/manager.conf > amp.toml

Exit codes: 0 printed, 2 a file that cannot be read.""",
    "send": """\
Examples:

  amp send -s 2 -c getversion                     (that has sensor_id = 2)
  amp send --server s2 -c 'listcalls {"limit":"20"}'
  amp send -h 192.0.2.2 -p 5029 -a -c listcalls   (any sniffer, encrypted)
  amp send -s 2 -c 'getfile a.pcap' > a.pcap
  amp send --all -c totalcalls
  amp send -s 2 --via amp -c listcalls            (through the running amp)

Exit codes: 0 a reply; 1 none, not all, or an error; 2 wrong usage.""",
    "tail": """\
Examples:

  amp tail --user operator                        (the amp of this machine)
  amp tail wss://amp.example.com:5038 --user operator --servers 'pbx*'
  amp tail --user operator --events 'Newch*,Hangup' --where Channel='PJSIP/*'
  amp tail --user operator --json --since pos --save-position pos | consume

Exit codes: 0 all of --count, 1 no connection or login, 2 wrong usage.""",
    "sim": """\
Examples:

  amp sim --port 5038 --calls-per-second 2
  amp sim --sniffer --port 5029 --calls 20 --file big=52428800
  amp sim --sniffer --fault hang

Exit codes: 0 stopped on request, 1 it cannot listen, 2 wrong usage.""",
}
"""By command. Lines are shown as they stand."""
