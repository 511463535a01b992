"""The command line: exit codes, and where texts go."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from amp import __version__
from amp.cli import COMMANDS, GROUPS, main
from amp.cli.examples import EXAMPLES
from amp.config.schema import Config
from amp.config.secret import EXPECTED
from amp.shell.tracing import Tracing

GOOD = '[proxy]\nname = "n"\n[[user]]\nname = "steve"\nsecret = "canary-7f3a"\n[simulate]\n'
BAD = '[[listen]]\nprot = 1\n[[user]]\nname = "steve"\nsecret = { fil = "canary-7f3a" }\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "amp.toml"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"amp {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f" {name} " in shown and summary in shown for name, (_, summary) in COMMANDS.items())


EVERY = [*COMMANDS, *GROUPS, *(f"{name} {word}" for name, (_, words) in GROUPS.items() for word in words)]


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_help_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: amp {name}" in shown
    assert EXAMPLES[name] in shown  # not broken into other lines
    assert f"\n  amp {name.split()[0]}" in EXAMPLES[name]


@pytest.mark.parametrize(
    "arguments",
    ["bogus", "run", "check", "check a b", "run --bogus x", "sim --port x", "sim --port 65536", "sim extra",
     "sim --calls-per-second nan"],
)  # fmt: skip
def test_wrong_usage_is_2_and_goes_to_standard_error(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Error" in shown.err


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_bad_configuration_is_2_with_each_problem_on_a_line_of_standard_error(
    command: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(BAD)
    assert main([command, str(config)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        f"{config}: listen[0].prot: unknown key (did you mean 'port'?)",
        f"{config}: user[0].secret: {EXPECTED} (did you mean 'file'?)",
    ]


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_missing_file_is_2(command: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(config)]) == 2
    assert capsys.readouterr().err == f"{config}: cannot read: No such file or directory\n"


def test_check_tells_what_would_be_started(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(
        GOOD
        + '[[listen]]\naddress = "::"\n[[server]]\nname = "pbx1"\nhost = "192.0.2.1"\nusername = "amp"\n'
        + 'secret = "canary-7f3a"\n'
    )
    config.chmod(0o600)
    assert main(["check", str(config)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{config}: ok",
        "  listen    [::]:5038  ami",
        "  server    pbx1  192.0.2.1:5038  asterisk, sessions split",
        "  simulate  sim1, sim2",
        "  user      steve  reads all; writes nothing",
        "  warning   listen[0]: secrets sent to :: cross the network in clear text",
    ]


def test_check_tells_who_may_read_secrets(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those in the configuration itself, in a drop-in, and in a file of their own."""

    def warnings() -> list[str]:
        assert main(["check", str(config)]) == 0
        lines = capsys.readouterr().out.splitlines()
        return [line.removeprefix("  warning   ") for line in lines if "  warning " in line]

    server = '[[server]]\nname = "{0}"\nhost = "{0}"\nusername = "u"\nsecret = {1}\n'
    own, dropped = tmp_path / "a.secret", tmp_path / "servers.d" / "b.toml"
    dropped.parent.mkdir()
    config.write_text(GOOD + server.format("a", '{ file = "a.secret" }'))
    own.write_text("canary-7f3a")
    dropped.write_text(server.format("b", '"canary-7f3a"'))
    for path in (config, own, dropped):
        path.chmod(0o600)
    assert warnings() == []
    for path in (config, own, dropped):
        path.chmod(0o644)
    said = "mode 0644: every user of this machine may read the secret in it: chmod o-r"
    assert warnings() == [f"{path}: {said}" for path in (config, dropped, own)]
    config.write_text(GOOD.replace('"canary-7f3a"', '{ env = "HOME" }'))
    assert warnings() == [f"{dropped}: {said}"], "where there is no secret, others may read"


def test_a_pipe_is_checked_and_not_read_twice(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(config)
    writer = threading.Thread(target=config.write_text, args=(GOOD,))
    writer.start()
    assert main(["check", str(config)]) == 0
    writer.join()
    assert capsys.readouterr().out.startswith(f"{config}: ok\n")


@pytest.mark.parametrize("code", [0, 1])
def test_run_hands_the_configuration_to_the_shell_and_its_code_back(
    code: int, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell: Any = ModuleType("amp.shell.app")
    taken: list[tuple[Config, Path, Tracing]] = []

    def run(loaded: Config, path: Path, tracing: Tracing) -> int:
        taken.append((loaded, path, tracing))
        return code

    shell.run = run
    monkeypatch.setitem(sys.modules, "amp.shell.app", shell)
    config.write_text(GOOD)
    assert main(["run", str(config)]) == code
    assert main(["run", "-dd", str(config)]) == code
    assert [(loaded.proxy.name, path, tracing.level) for loaded, path, tracing in taken] == [
        ("n", config, 0),
        ("n", config, 2),
    ]


def test_the_arguments_of_the_process_are_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["amp", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"amp {__version__}\n"


def test_python_m_amp_is_the_same_and_starts_without_trio() -> None:
    script = "import sys, runpy\nsys.argv = ['amp', 'check', '/']\n"
    script += "try: runpy.run_module('amp', run_name='__main__')\n"
    script += "finally: print(sorted({'trio', 'structlog', 'orjson', 'cryptography'} & set(sys.modules)))\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "[]\n", "/: cannot read: Is a directory\n")


SERVER = '[[server]]\nname = "a"\nhost = "192.0.2.1"\nusername = "u"\nsecret = "s"\n'


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("[simulate]\n", False),
        ('[[listen]]\naddress = "::1"\n[[listen]]\nunix = "x"\n', False),
        (SERVER, True),
        ('[simulate]\n[[listen]]\naddress = "0.0.0.0"\n', True),
        ('[simulate]\n[[listen]]\nactivation = "amp"\n', True),
    ],
)
def test_root_may_only_try_it_out(
    text: str,
    refused: bool,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Anybody else may run it, and root with --allow-root."""
    shell: Any = ModuleType("amp.shell.app")
    shell.run = lambda *_: 0
    monkeypatch.setitem(sys.modules, "amp.shell.app", shell)
    config.write_text(text)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert main(["run", str(config)]) == (2 if refused else 0)
    assert ("--allow-root" in capsys.readouterr().err) == refused
    assert main(["run", "--allow-root", str(config)]) == 0
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main(["run", str(config)]) == 0


@pytest.mark.parametrize("command", ["check", "import"])
def test_who_reads_only_the_beginning_gets_no_traceback(command: str, config: Path) -> None:
    config.write_text(GOOD if command == "check" else "host = a, 5038, u, s, on, off\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "amp", command, str(config)],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("command", ["run", "check", "doctor", "key show"])
def test_one_rule_says_which_configuration(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The argument, else AMP_CONFIG, else the default place; and without any of them, what to do."""
    given, named, default = (tmp_path / name for name in ("given", "named", "default"))
    monkeypatch.setattr("amp.cli.reading.DEFAULT_CONFIG", default)
    for path, arguments, variable in (
        (given, [str(given)], "/nix"),
        (named, [], str(named)),
        (default, [], ""),
    ):
        path.write_text("[[[")
        monkeypatch.setenv("AMP_CONFIG", variable)
        assert main([*command.split(), *arguments]) == 2
        assert capsys.readouterr().err.startswith(f"{path}: ")
    default.unlink()
    assert main(command.split()) == 2
    assert capsys.readouterr().err == (
        "Error: no configuration: name one, here or in AMP_CONFIG, or have /etc/amp/amp.toml\n"
    )


def test_check_sees_what_cannot_be_written(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What only the start would find otherwise."""
    (config.parent / "file").write_text("")
    config.write_text(
        GOOD.replace("[[user]]", 'control = "gone/control.sock"\n[[user]]')
        + '[log]\nfile = "no/amp.log"\n[[listen]]\nunix = "gone/amp.sock"\n[[listen]]\nunix = "file"\n'
        + f'[[listen]]\nunix = "{"x" * 110}"\n'
    )
    assert main(["check", str(config)]) == 2
    folder = config.parent
    assert capsys.readouterr().err.splitlines() == [
        f"{config}: log.file: there is no folder {folder / 'no'}",
        f"{config}: proxy.control: there is no folder {folder / 'gone'}",
        f"{config}: listen[0].unix: there is no folder {folder / 'gone'}",
        f"{config}: listen[1].unix: {folder / 'file'} is there already, and is no socket",
        f"{config}: listen[2].unix: {folder / ('x' * 110)}"
        " is longer than the 107 bytes that a socket's path may have",
    ]
