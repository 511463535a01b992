"""Formats of other packages, and the example of docs/formats.md as one."""

from __future__ import annotations

import io
import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import trio

from amp.cli.check import check
from amp.config.formats import installed, installed_formats
from amp.core.ami import replies
from amp.core.formats.dress import Dresser
from amp.core.formats.registry import GROUP, Formats
from amp.core.formats.xml import XML
from config.loading import SERVER, USER, load_text, problems
from shell.harness import PATIENCE_S, lab

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()


def blocks(language: str) -> list[str]:
    return [text for name, text in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", PAGE) if name == language]


ASKED, EVENT, CSV_EXAMPLE, PIPES_EXAMPLE = blocks("")
FRAME = EVENT.strip().replace("\n", "\r\n").encode()


def test_what_is_installed_here() -> None:
    formats, problems = installed_formats()
    assert problems == ()
    assert [one.name for one in formats.outputs][:4] == [one.name for one in Formats().outputs]


@pytest.fixture
def pipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example of the page as pip would leave it on the disk; gives the folder."""
    (code,) = blocks("python")
    (project,) = blocks("toml")
    folder = tmp_path / "site"
    info = folder / "amp_pipes-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "amp_pipes.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: amp-pipes\nVersion: 1.0\n")
    described = tomllib.loads(project)["project"]
    assert (described["name"], described["version"]) == ("amp-pipes", "1.0")
    ((name, place),) = described["entry-points"][GROUP].items()
    module = place.partition(":")[0]
    assert module not in sys.stdlib_module_names | {"pipes"}, "an installed package comes behind Python's own"
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {place}\n")
    monkeypatch.syspath_prepend(folder)
    installed.cache_clear()
    yield folder
    sys.modules.pop("amp_pipes", None)
    installed.cache_clear()


def test_the_example_of_the_page_as_an_installed_package(pipes: Path) -> None:
    formats, problems = installed_formats()
    assert problems == ()
    one = formats.output("pipes")
    assert one is not None
    assert one.write([FRAME], b"pbx1").decode() == PIPES_EXAMPLE


def test_an_installed_format_may_be_configured(pipes: Path, tmp_path: Path) -> None:
    config = load_text(tmp_path, '[[listen]]\noutput_format = "pipes"\n' + USER + 'output_format = "pipes"\n')
    assert (config.listen[0].output_format, config.user[0].output_format) == ("pipes", "pipes")
    assert problems(tmp_path, '[[listen]]\ninput_format = "pipes"\n') == [
        'listen[0].input_format: expected "standard" or "xml"'
    ]


async def test_a_client_of_the_example(pipes: Path) -> None:
    """Found by amp itself, asked for by name, and from then on all that the client gets."""
    async with lab("pbx1") as amp:
        client = await amp.client(events="user")
        await client.stream.send_all(ASKED.replace("xml", "pipes").encode())
        amp.sims["pbx1"].user_event("Door")
        with trio.fail_after(PATIENCE_S):
            data = b""
            while data.count(b"\n") < 2:
                data += await client.stream.receive_some(1000)
    answer, event = data.decode().splitlines()
    assert answer == "ProxyResponse=Success|OutputFormat=pipes"
    assert event == "Event=UserEvent|Privilege=user,all|UserEvent=Door|Server=pbx1"


def test_a_broken_plug_in_is_warned_about_by_check(pipes: Path) -> None:
    """Not an error: what else is configured works."""
    (pipes / "amp_pipes.py").write_text("raise RuntimeError('not\\ntoday')\n")
    (pipes / "amp.toml").write_text(SERVER + USER)
    with redirect_stdout(io.StringIO()) as shown:
        assert check(pipes / "amp.toml") == 0
    warning = "  warning   format pipes of amp-pipes: RuntimeError: not today; it is left out\n"
    assert warning in shown.getvalue()


def test_who_names_a_broken_plug_in_is_told_what_is_wrong_with_it(pipes: Path, tmp_path: Path) -> None:
    (pipes / "amp_pipes.py").write_text("raise RuntimeError('not today')\n")
    assert problems(tmp_path, '[[listen]]\noutput_format = "pipes"\n' + USER) == [
        "listen[0].output_format: expected one that can be used: "
        "format pipes of amp-pipes: RuntimeError: not today"
    ]


async def test_a_broken_plug_in_is_warned_about_in_the_log(pipes: Path) -> None:
    (pipes / "amp_pipes.py").write_text("PIPES = 'no format'\n")
    async with lab("pbx1") as amp:
        about = "format pipes of amp-pipes: ValueError: expected a Format, got str; it is left out"
        await amp.logged("advice", about=about)
        await amp.client()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[[listen]]\noutput_format = "xmll"\n',
            'listen[0].output_format: expected "standard" or "xml" or "csv" or "json"'
            " (did you mean 'xml'?)",
        ),
        (
            '[[listen]]\ninput_format = "json"\n',
            'listen[0].input_format: expected "standard" or "xml"',
        ),
        (
            '[[listen]]\ninput_format = "http"\n',
            "listen[0].input_format: expected a format of connections; http is one of HTTP requests",
        ),
        (USER + "output_format = 7\n", "user[0].output_format: expected a string, got a whole number"),
        (USER + "input_format = 7\n", "user[0].input_format: expected a string, got a whole number"),
    ],
)
def test_formats_that_are_not_there_are_wrong(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]


def test_a_sniffers_protocol_has_no_formats(tmp_path: Path) -> None:
    told = problems(tmp_path, '[[listen]]\nprotocols = ["voipmonitor"]\noutput_format = "json"\n')
    assert "listen[0].output_format: a sniffer's protocol has no formats" in told


def test_check_shows_formats(tmp_path: Path) -> None:
    (tmp_path / "amp.toml").write_text('[[listen]]\noutput_format = "json"\n')
    with redirect_stdout(io.StringIO()) as shown:
        assert check(tmp_path / "amp.toml") == 0
    assert "listen    127.0.0.1:5038  ami, reads standard, writes json\n" in shown.getvalue()


def test_the_other_examples_of_the_page() -> None:
    formats = Formats()
    asked, in_xml, _ = blocks("xml")
    shown = {"xml": in_xml, "csv": CSV_EXAMPLE, "json": blocks("json")[0]}
    answer = replies.proxy_reply(b"Success", None, (b"OutputFormat", b"xml"))
    assert Dresser(XML).dress(answer).decode().replace("\r\n", "\n").strip() == asked.strip()
    for name, text in shown.items():
        one = formats.output(name)
        assert one is not None
        assert one.render is not None
        assert one.render([FRAME], b"pbx1").decode().replace("\r\n", "\n").strip() == text.strip()
    reading = formats.input("xml")
    assert reading is not None
    assert reading.reader is not None
    reader = reading.reader(1022, 128)
    reader.receive_data(blocks("xml")[2].encode())
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
