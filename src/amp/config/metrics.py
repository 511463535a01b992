"""``[metrics]``: who may read ``/metrics``."""

from __future__ import annotations

from typing import Annotated

import attrs

from amp.config.rules import Network

__all__ = ["Metrics"]


@attrs.frozen(kw_only=True)
class Metrics:
    """Who may read them without a login; from elsewhere one has to sign in."""

    allow: tuple[Annotated[str, Network()], ...] = ("127.0.0.0/8", "::1/128")
