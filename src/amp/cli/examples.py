"""What the help of each command ends with: ways to use it, and what its exit codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["EXAMPLES"]

EXAMPLES: Final[Mapping[str, str]] = {
    "amp": """\
Examples:

  amp run config.toml.example     (a simulated fleet, to try things)
  amp check /etc/amp/amp.toml
  amp show servers                (of the amp that runs)
  amp show --help""",
    "run": """\
Examples:

  amp run /etc/amp/amp.toml
  amp run                         (what AMP_CONFIG names, or that file)
  amp check /etc/amp/amp.toml && amp reload

Exit codes: 0 stopped on request, 1 failed, 2 an unusable configuration.""",
    "check": """\
Examples:

  amp check /etc/amp/amp.toml
  sudo -u amp amp check /etc/amp/amp.toml   (can its user read all secrets?)

Exit codes: 0 it can be used, 2 it cannot.""",
    "doctor": """\
Examples:

  amp doctor /etc/amp/amp.toml
  amp doctor --timeout 3
  amp doctor --json | jq '.[] | select(.state == "fail")'

Exit codes: 0 everything works, perhaps with warnings; 1 something fails;
2 an unusable configuration.""",
    "cert": """\
Examples:

  amp cert amp.example.com 192.0.2.5 --days 730
  amp cert --certificate /etc/amp/amp.pem --private-key /etc/amp/amp.key

Exit codes: 0 made, 1 a file that is there or cannot be written, 2 wrong usage.""",
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
    "show": """\
Examples:

  amp show                        (the servers)
  amp show clients
  amp show servers --json | jq '.[] | select(.state == "down") | .name'
  amp show stats --control /run/amp2/control.sock

Exit codes: 0 shown, 1 no amp answers, 2 wrong usage.""",
    "top": """\
Examples:

  amp top
  amp top --interval 5 --control /run/amp2/control.sock

Exit codes: 0 ended by q, 1 it needs pip install 'amp[top]', 2 wrong usage,
no terminal.""",
    "pause": """\
Examples:

  amp pause pbx1                  (before work on it; amp resume pbx1 ends it)

Exit codes: 0 it is paused, 1 it is not (unknown server, no amp), 2 wrong usage.""",
    "resume": """\
Examples:

  amp resume pbx1

Exit codes: 0 it takes actions, 1 unknown server or no amp, 2 wrong usage.""",
    "reconnect": """\
Examples:

  amp reconnect pbx1              (without waiting for the next attempt)

Exit codes: 0 begun, 1 unknown server or no amp, 2 wrong usage.""",
    "kill": """\
Examples:

  amp show clients                (has the numbers)
  amp kill 1234

Exit codes: 0 it is gone, 1 it is not (unknown client, no amp), 2 wrong usage.""",
    "reload": """\
Examples:

  amp reload
  amp check /etc/amp/amp.toml && amp reload

Exit codes: 0 taken over, 1 nothing was changed, or no amp, 2 wrong usage.""",
    "key": """\
Examples:

  amp key show amp.toml
  amp key copy gui-a.toml gui-b.toml
  amp key generate --help""",
    "key show": """\
Examples:

  amp key show amp.toml
  amp key show --server s2 --form conf    (for voipmonitor.conf)

Exit codes: 0 printed, 1 there is none to be read, 2 wrong usage.""",
    "key generate": """\
Examples:

  amp key generate --form base64
  amp key generate --into amp.toml > key.json

Exit codes: 0 made, 1 not stored, 2 wrong usage.""",
    "key copy": """\
Examples:

  amp key copy gui-a.toml gui-b.toml

Exit codes: 0 both have it, 1 not read or not stored, 2 wrong usage.""",
    "completion": """\
Examples:

  amp completion bash > ~/.local/share/bash-completion/completions/amp
  amp completion zsh > ~/.zfunc/_amp          (a folder of your fpath)
  amp completion fish > ~/.config/fish/completions/amp.fish
  eval "$(amp completion bash)"               (for this shell alone)

Exit codes: 0 printed, 2 wrong usage.""",
    "sim": """\
Examples:

  amp sim --port 5038 --calls-per-second 2
  amp sim --sniffer --port 5029 --calls 20 --file big=52428800
  amp sim --sniffer --fault hang

Exit codes: 0 stopped on request, 1 it cannot listen, 2 wrong usage.""",
}
"""By command, a group's by its name and the word. Lines are shown as they stand."""
