"""``amp completion``: scripts for shells, as cyclopts makes them, and names that only a running amp knows."""

from __future__ import annotations

from typing import Final, Literal

from amp.cli.reading import say

__all__ = ["completion"]

Shell = Literal["bash", "zsh", "fish"]

NAMES: Final = "amp show servers 2>/dev/null | awk 'NR > 1 { print $1 }'"
NUMBERS: Final = "amp show clients 2>/dev/null | awk 'NR > 1 { print $1 }'"
"""The first column, without its head; nothing if no amp answers."""

BASH: Final = f"""
# servers and clients of the amp that runs; else as above
_amp_or_names() {{
  local name cur="${{COMP_WORDS[COMP_CWORD]}}" names=
  if [[ $COMP_CWORD -eq 2 && $cur != -* ]]; then
    case "${{COMP_WORDS[1]}}" in
      pause|resume|reconnect) names=$({NAMES}) ;;
      kill) names=$({NUMBERS}) ;;
    esac
  fi
  if [[ -z $names ]]; then
    _amp "$@"
    return
  fi
  COMPREPLY=()
  while IFS= read -r name; do
    [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
  done <<< "$names"
}}
complete -F _amp_or_names amp
"""

ZSH_NAMES: Final = f"""
_amp_servers() {{
  local -a names
  names=("${{(@f)$({NAMES})}}")
  compadd -a names
}}

_amp_clients() {{
  local -a names
  names=("${{(@f)$({NUMBERS})}}")
  compadd -a names
}}
"""

ZSH_END: Final = """
# as a file of fpath, or sourced
if [[ $funcstack[1] = _amp ]]; then
  _cyclopts_amp "$@"
else
  compdef _cyclopts_amp amp
fi
"""

ZSH_ACTIONS: Final = {
    "pause": "_amp_servers",
    "resume": "_amp_servers",
    "reconnect": "_amp_servers",
    "kill": "_amp_clients",
}

FISH_NAMES: Final = {"pause": NAMES, "resume": NAMES, "reconnect": NAMES, "kill": NUMBERS}


def completion(shell: Shell, /) -> int:
    """Print what completes amp's commands in a shell.

    Servers and clients are completed as well, where they belong, by asking the running amp.

    Parameters
    ----------
    shell
        Which one.
    """
    from amp.cli import build

    script = build(()).generate_completion(shell=shell)
    if shell == "bash":
        script += BASH
    elif shell == "fish":
        script += _fish()
    else:
        script = _zsh(script)
    say(script.removesuffix("\n"))
    return 0


def _zsh(script: str) -> str:
    """The script with an action for each command whose argument is a name, and able to be sourced."""
    head, compdef, rest = script.partition("#compdef amp\n")
    for word, action in ZSH_ACTIONS.items():
        before, found, after = rest.partition(f"\n        {word})\n")
        text, quote, after = after.partition("' \\\n")
        rest = f"{before}{found}{text}:{action}{quote}{after}"
    return f"{head}{compdef}{ZSH_NAMES}{rest}{ZSH_END}"


def _fish() -> str:
    """No files where a command belongs; servers and clients of the amp that runs."""
    lines = ["", "complete -c amp -f -n __fish_use_subcommand"]
    for word, names in FISH_NAMES.items():
        escaped = names.replace("$", "\\$")
        lines.append(f"complete -c amp -f -n '__fish_amp_using_command {word}' -a \"({escaped})\"")
    return "\n".join((*lines, ""))
