"""Programs that tests use in their real form, found or skipped; in CI a skip is a failure."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["program"]

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where servers are; a user's PATH need not have it."""


def program(name: str, package: str) -> str:
    """The path of a program.

    Args:
        name: of it.
        package: Debian's, which has it.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if path is None:
        reason = f"no {name} here (Debian: {package})"
        if os.environ.get("AMP_REQUIRE_REAL"):
            pytest.fail(f"AMP_REQUIRE_REAL is set, but there is {reason}")
        pytest.skip(reason)
    return path
