"""Who may send which sniffer command, from the ``sniffer_commands`` of a user.

A user of whom nothing is said has the default list. Else there is what is named: names in full, patterns
(``get*``), or the preset ``gui``, which is all that the VoIPmonitor GUI does in its daily work, but for live
sniffing (``startlivesniffer``), which can block a sniffer. A pattern never stands for a command that changes
anything, and one that begins with its star never for content. What can take over a sniffer needs its name in
full and the right ``admin`` besides.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from amp.core.voipmonitor.commands import COMMANDS, CommandSpec, Rights

__all__ = ["DEFAULT_COMMANDS", "GUI", "GUI_COMMANDS", "SnifferGrant", "word_problems"]

GUI: Final = "gui"
_WILD: Final = frozenset("*?[")
_GUI_RIGHTS: Final = (Rights.DEFAULT, Rights.READ, Rights.CONTENT, Rights.GUI)
_PATTERN_RIGHTS: Final = (Rights.DEFAULT, Rights.READ, Rights.CONTENT)

DEFAULT_COMMANDS: Final = frozenset(n for n, spec in COMMANDS.items() if spec.rights is Rights.DEFAULT)
"""What a user may send of whom the configuration says nothing."""
GUI_COMMANDS: Final = frozenset(n for n, spec in COMMANDS.items() if spec.rights in _GUI_RIGHTS)
"""What the preset ``gui`` gives."""


@attrs.frozen
class SnifferGrant:
    """What one user may do with sniffers.

    Attributes:
        commands: the names of the commands that the user has.
        gui: has the preset, so that addresses and paths of the sniffer are shown.
        admin: has the right ``admin``.
    """

    commands: frozenset[str] = DEFAULT_COMMANDS
    gui: bool = False
    admin: bool = False

    @classmethod
    def of(cls, words: str | Sequence[str] | None, *, admin: bool = False) -> SnifferGrant:
        """Read a user's ``sniffer_commands``; ``None`` if there is none. Unknown words give nothing (see
        `word_problems`)."""
        if words is None:
            return cls(admin=admin)
        listed = [words] if isinstance(words, str) else list(words)
        commands = frozenset(name for word in listed for name in _meant(word))
        return cls(commands, gui=GUI in listed, admin=admin)

    @property
    def sees_internals(self) -> bool:
        """Whether callreferences (addresses in the sniffer's memory) and paths are shown as they are."""
        return self.gui or self.admin

    def refusal(self, spec: CommandSpec) -> str | None:
        """Why the user may not send a command; ``None`` if it may."""
        if spec.name not in self.commands:
            return f"{spec.name}: not among your sniffer commands"
        if spec.rights is Rights.ADMIN and not self.admin:
            return f"{spec.name}: only for administrators"
        return None


def word_problems(words: str | Sequence[str]) -> Iterator[str]:
    """What a configuration should be told about these ``sniffer_commands``, a sentence for each word."""
    for word in [words] if isinstance(words, str) else words:
        if not any(_meant(word)):
            if _WILD.isdisjoint(word):
                close = difflib.get_close_matches(word, [*COMMANDS, GUI], n=1)
                yield f"unknown sniffer command {word!r}" + (
                    f" (did you mean {close[0]!r}?)" if close else ""
                )
            else:
                yield f"pattern {word!r} stands for no command; what changes a sniffer is named in full"


def _meant(word: str) -> frozenset[str]:
    """The commands that one word of the list stands for."""
    if word == GUI:
        return GUI_COMMANDS
    if _WILD.isdisjoint(word):
        return frozenset({word} & COMMANDS.keys())
    rights = _PATTERN_RIGHTS[:2] if word[0] in _WILD else _PATTERN_RIGHTS
    return frozenset(
        name for name, spec in COMMANDS.items() if spec.rights in rights and fnmatch.fnmatchcase(name, word)
    )
