"""Settings for all tests: how hard hypothesis tries, and that Ctrl-C counts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A shared or busy machine must not fail a test for being slow, hence no deadline anywhere. CI repeats
# the same examples every time; a developer's machine looks for new ones, or for many with "thorough".
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# What a shell starts in the background ignores Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# One amp a machine has the default control socket: tests that want one say where.
os.environ["AMP_CONTROL"] = "off"


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """A command that runs in the tests' own process sets up the log; the next test must not have it."""
    yield
    structlog.reset_defaults()
