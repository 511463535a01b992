"""The words in a user's ``read`` and ``write``: Asterisk's manager classes, amp's own rights, the doors."""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["ALL", "ASTERISK_CLASSES", "DOORS", "OWN_RIGHTS", "RIGHTS", "Door"]

ALL: Final = "all"
"""Every class of Asterisk, also those we do not know; neither a door nor one of amp's own rights."""

ASTERISK_CLASSES: Final = frozenset(
    (
        "system",
        "call",
        "log",
        "verbose",
        "command",
        "agent",
        "user",
        "config",
        "dtmf",
        "reporting",
        "cdr",
        "dialplan",
        "originate",
        "agi",
        "cc",
        "aoc",
        "test",
        "security",
        "message",
    )
)
"""Source: the comments of Asterisk's ``manager.conf.sample``; recording list-commands."""

OWN_RIGHTS: Final = frozenset(("admin", "fanout"))
"""``admin``: amp's own administration. ``fanout``: one action to several servers. Never in ``all``."""


class Door(enum.StrEnum):
    """What leads to a shell, to files or to the configuration; shut unless ``write`` names it.

    The first three bear the name of Asterisk's class, so naming the class opens the door.
    """

    COMMAND = "command"
    """Action Command: the console. ``commands`` narrows it."""
    CONFIG = "config"
    """Reading and writing configuration files, secrets included (also by class ``system``)."""
    AGI = "agi"
    """Action AGI: EXEC runs any application, System among them."""
    MIXMONITOR_COMMAND = "mixmonitor_command"
    """The shell command that MixMonitor runs at its end."""
    DBPUT = "dbput"
    """Writing to Asterisk's database, which dialplans trust."""
    MODULE_LOAD = "module_load"
    """Loading and unloading modules."""
    DIALPLAN_EXTENSION = "dialplan_extension"
    """Writing the dialplan at run time: an extension with System() is a shell."""
    FUNCTION_CALLS = "function_calls"
    """Dialplan functions (SHELL, FILE, ENV, CURL, ...) where a variable is expected."""
    SPECIAL_VARIABLES = "special_variables"
    """Variables that Asterisk itself runs, opens or jumps to (MONITOR_EXEC, TRANSFER_CONTEXT, ...)."""
    ORIGINATE_APPLICATION = "originate_application"
    """Originate with an application instead of an extension: System() again."""
    CONTEXTS = "contexts"
    """Sending channels to contexts outside the user's list."""
    FILES = "files"
    """Recording to a path of the client's choice, or to a name that a shell would read."""


DOORS: Final = frozenset(door.value for door in Door)

RIGHTS: Final = ASTERISK_CLASSES | OWN_RIGHTS | DOORS | {ALL}
"""Every word that ``write`` may hold; ``read`` takes the classes and ``all``."""
