"""The actions that a simulated Asterisk knows, by lower-case name."""

from typing import Final

from amp.sim.actions.channels import CHANNELS
from amp.sim.actions.database import DATABASE
from amp.sim.actions.originate import ORIGINATE
from amp.sim.actions.queues import QUEUES
from amp.sim.actions.registry import Action, Actions
from amp.sim.actions.signing import SIGNING
from amp.sim.actions.simfault import SIMFAULT
from amp.sim.actions.system import SYSTEM
from amp.sim.actions.variables import VARIABLES

__all__ = ["ACTIONS", "Action", "Actions"]

ACTIONS: Final = Actions(
    {**SIGNING, **CHANNELS, **ORIGINATE, **VARIABLES, **DATABASE, **QUEUES, **SYSTEM, **SIMFAULT}
)
