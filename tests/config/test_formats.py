"""Formats of other packages, and the example of docs/formats.md as one."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from amp.config.formats import installed_formats
from amp.core.formats.registry import GROUP, Formats
from amp.core.formats.xml import XML

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()


def blocks(language: str) -> list[str]:
    return [text for name, text in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", PAGE) if name == language]


EVENT, CSV_EXAMPLE, PIPES_EXAMPLE = blocks("")
FRAME = EVENT.strip().replace("\n", "\r\n").encode()


def test_what_is_installed_here() -> None:
    formats, problems = installed_formats()
    assert problems == ()
    assert [one.name for one in formats.outputs][:4] == [one.name for one in Formats().outputs]


def test_the_example_of_the_page_as_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = blocks("python")
    (project,) = blocks("toml")
    (tmp_path / "pipes.py").write_text(code)
    info = tmp_path / "pipes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pipes\nVersion: 1.0\n")
    section, _, line = project.strip().partition("\n")
    assert section == f'[project.entry-points."{GROUP}"]'
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n" + line.replace('"', ""))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pipes", raising=False)
    assert "pipes" in entry_points(group=GROUP).names

    formats, problems = installed_formats()
    assert problems == ()
    pipes = formats.output("pipes")
    assert pipes is not None
    assert pipes.render is not None
    assert pipes.render([FRAME], b"pbx1").decode() == PIPES_EXAMPLE
    monkeypatch.delitem(sys.modules, "pipes")


def test_the_other_examples_of_the_page() -> None:
    formats = Formats()
    shown = {"xml": blocks("xml")[0], "csv": CSV_EXAMPLE, "json": blocks("json")[0]}
    for name, text in shown.items():
        one = formats.output(name)
        assert one is not None
        assert one.render is not None
        assert one.render([FRAME], b"pbx1").decode().replace("\r\n", "\n").strip() == text.strip()
    reading = formats.input("xml")
    assert reading is not None
    assert reading.reader is not None
    reader = reading.reader(1022, 128)
    reader.receive_data(blocks("xml")[1].encode())
    assert reader.next_event().headers[2] == (b"ActionID", b"a&b")  # type: ignore[union-attr]  # what the page shows


def test_broken_plug_ins_are_told_and_left_out() -> None:
    points = [
        EntryPoint("gone", "no_such_module_of_ours:X", GROUP),
        EntryPoint("odd", "amp.core.formats.registry:GROUP", GROUP),
        EntryPoint("xml", "amp.core.formats.xml:XML", GROUP),
    ]
    formats, problems = installed_formats(points)
    assert formats.output("xml") is XML
    assert [one.name for one in formats.outputs] == [one.name for one in Formats().outputs]
    assert len(problems) == 2
    assert problems[0].startswith("format gone of an unknown package: ModuleNotFoundError:")
    assert problems[1] == "format odd of an unknown package: ValueError: expected a Format, got str"
