"""What users could do, in amp's words: every right with what it opens, door by door."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from amp.config.importing.table import Element
from amp.core.policy.actions import ACTIONS
from amp.core.policy.classes import ALL, ASTERISK_CLASSES, Door
from amp.core.policy.doors import GUARDS

__all__ = ["DOOR_NOTES", "EVERYTHING", "written"]

DOOR_NOTES: Final[Mapping[Door, str]] = {
    Door.COMMAND: "the console: a shell with most settings; narrow it by commands = [...]",
    Door.CONFIG: "reads and writes configuration files, secrets included",
    Door.AGI: "AGI commands, whose EXEC runs any application",
    Door.MIXMONITOR_COMMAND: "a shell command at the end of MixMonitor",
    Door.DBPUT: "writes to the database that dialplans trust",
    Door.MODULE_LOAD: "loads and unloads modules",
    Door.DIALPLAN_EXTENSION: "changes the dialplan, and so may run anything",
    Door.FUNCTION_CALLS: "SHELL(), FILE(), CURL() and more where a variable is expected; global variables",
    Door.SPECIAL_VARIABLES: "variables that Asterisk runs, opens or jumps to",
    Door.ORIGINATE_APPLICATION: "Originate with an application, System() among them; channels to any host",
    Door.CONTEXTS: "moves channels to any context; narrow it by contexts = [...] instead",
    Door.FILES: "records to a path of the client's choice",
}

EVERYTHING: Final[tuple[Element, ...]] = (
    (ALL, "every class of Asterisk"),
    ("admin", "AddServer and DropServer"),
    *((door.value, note) for door, note in DOOR_NOTES.items()),
)
"""What everybody could do behind astmanproxy. It had nothing like ``fanout``."""


def written(classes: Collection[str]) -> list[Element]:
    """Classes as manager.conf gives them, with the doors that they led through in Asterisk.

    A door that bears a class's name opens with that class, and with no other: naming it would give the class.
    """
    notes = {door.value: note for door, note in DOOR_NOTES.items()}
    held = ASTERISK_CLASSES if ALL in classes else frozenset(classes)
    elements: list[Element] = [(one, notes.get(one, "")) for one in classes]
    for door, note in DOOR_NOTES.items():
        by_class = door.value in ASTERISK_CLASSES
        led = door.value in held if by_class else bool(held & _classes_to(door))
        if led and door.value not in classes:
            elements.append((door.value, note))
    return elements


def _classes_to(door: Door) -> frozenset[str]:
    """The classes of every action that comes to a door."""
    names = [name for name, guards in GUARDS.items() if any(guard.door is door for guard in guards)]
    return frozenset().union(*(ACTIONS[name].asterisk for name in names if name in ACTIONS))
