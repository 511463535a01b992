"""The house rules that a machine can check: what may import what, and how long things may get."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "amp"
FILES = sorted(SOURCE.rglob("*.py"))
CORE_FILES = [path for path in FILES if path.is_relative_to(SOURCE / "core")]

BANNED_IN_CORE = {
    "asyncio",
    "datetime",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "ssl",
    "structlog",
    "time",
    "trio",
}
ALLOWED_IN_CORE = {"amp", "attrs", "bcrypt", "cryptography", "orjson", "re2", "stringzilla"}

LAYERS = {
    "errors": set(),
    "core": {"core", "errors"},
    "config": {"config", "core", "errors"},
    "sim": {"sim", "core", "config", "errors"},
    "shell": {"shell", "sim", "config", "core", "errors"},
    "cli": {"cli", "shell", "sim", "config", "core", "errors"},
    "__main__": {"cli"},
    "__init__": set(),
}
"""Which parts of amp a part may import. Everybody may ask ``amp`` itself for its version."""

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 50


def name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports; for ``from a import b`` it is ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", CORE_FILES, ids=name)
def test_core_stays_pure(path: Path) -> None:
    """No await, clock, socket, log or randomness; of other people's code only pure parsers."""
    roots = {imported.split(".")[0] for imported in imports(path)}
    assert not roots & BANNED_IN_CORE
    assert roots <= ALLOWED_IN_CORE | sys.stdlib_module_names
    nodes = ast.walk(ast.parse(path.read_text()))
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in nodes)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_one_way(path: Path) -> None:
    """cli → shell → config → core → errors."""
    layer = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    targets = {imported.split(".")[1] for imported in imports(path) if imported.startswith("amp.")}
    assert targets - {"__version__"} <= LAYERS[layer]


def test_only_one_file_defines_exceptions() -> None:
    """The whole vocabulary of errors is in amp/errors.py; a private one may serve inside a single file."""
    for path in FILES:
        if path != SOURCE / "errors.py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    assert not any(
                        "Error" in ast.unparse(base) or "Exception" in ast.unparse(base)
                        for base in node.bases
                    ), f"{name(path)}: {node.name}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_too_long_to_read(path: Path) -> None:
    """Files and functions stay within what one can take in."""
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < MAX_FUNCTION_LINES, node.name
