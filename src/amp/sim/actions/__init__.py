"""The actions that a simulated Asterisk knows, by lower-case name."""

from typing import Final

from amp.sim.actions.channels import CHANNELS
from amp.sim.actions.originate import ORIGINATE
from amp.sim.actions.registry import Action, Actions
from amp.sim.actions.signing import SIGNING

__all__ = ["ACTIONS", "Action", "Actions"]

ACTIONS: Final = Actions({**SIGNING, **CHANNELS, **ORIGINATE})
