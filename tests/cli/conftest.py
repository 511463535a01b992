"""``amp`` in this process: most tests of commands that end need no other one."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping

import pytest

from amp.cli import main
from cli.processes import Done

Amp = Callable[..., Done]


@pytest.fixture
def amp(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Amp:
    """Runs a command to its end: ``amp("send", "-s", "2", stdin=b"", env={})``."""

    def run(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
        with monkeypatch.context() as patch:
            for name, value in {"AMP_CONFIG": "", **(env or {})}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            code = main(list(arguments))
        out, err = capfdbinary.readouterr()
        return Done(code, out, err.decode())

    return run
