"""``amp send`` as a process, against simulated sniffers in processes of their own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from amp.cli import main
from amp.sim.sniffer.spool import big_piece
from cli.conftest import Amp
from cli.processes import AMP, PATIENCE_S, Done, sniffer
from ports import refusing_port

KEY, IV = (base64.b64encode(text).decode() for text in (b"sixteen bytes ok", b"an initial value"))
PAIR = ("--key", KEY, "--iv", IV)
OTHER_PAIR = ("--key", base64.b64encode(b"another key here").decode(), "--iv", IV)
BIG = 50 << 20
ONE_OF = "expected one of -s, --server, --all, -h and --via HOST:PORT"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A sniffer without a key; its port and its unix socket."""
    path = str(tmp_path_factory.mktemp("plain") / "s.sock")
    with sniffer("--calls", "3", "--registers", "2", "--file", f"big={BIG}", "--unix", path) as port:
        yield port, path


@pytest.fixture(scope="module")
def keyed() -> Iterator[int]:
    """A sniffer with a key."""
    with sniffer(*PAIR, "--registers", "7", "--file", "b=300", "--file", f"big={BIG}") as port:
        yield port


Send = Callable[..., Done]


@pytest.fixture
def send(amp: Amp) -> Send:
    """``send(port, command, *options)``."""

    def run(port: int, command: str, *options: str, **more: object) -> Done:
        return amp("send", "-h", "127.0.0.1", "-p", str(port), "-c", command, *options, **more)

    return run


def test_the_reply_comes_as_it_is(amp: Amp, send: Send, plain: tuple[int, str]) -> None:
    port, path = plain
    assert send(port, "getversion") == (0, b"2026.04.0", "")
    assert amp("send", "-h", path, "-c", "totalregisters") == (0, b"2", "")
    assert send(port, "stoplivesniffer 5") == (0, b"", "")


def test_encrypted_with_the_key_of_the_options_or_the_environment(send: Send, keyed: int) -> None:
    assert send(keyed, "totalregisters", "-a", *PAIR) == (0, b"7", "")
    env = {"AMP_SEND_KEY": KEY, "AMP_SEND_IV": IV}
    assert send(keyed, "getfile b", "-a", env=env) == (0, big_piece(0, 300), "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "totalregisters: the sniffer has a key and takes this command only encrypted"),
        (("-a", *OTHER_PAIR), "totalregisters: the reply cannot be read: the sniffer has another key"),
    ],
)  # fmt: skip
def test_without_the_key_it_says_so(send: Send, options: tuple[str, ...], words: str, keyed: int) -> None:
    done = send(keyed, "totalregisters", *options)
    assert done == (1, b"", f"amp send: 127.0.0.1:{keyed}: {words}\n")


def test_what_comes_packed_is_unpacked_unless_told_otherwise(
    send: Send, plain: tuple[int, str], keyed: int
) -> None:
    port, _ = plain
    asked = 'listcalls {"zip":"yes","limit":"0"}'
    text = send(port, asked)
    assert (text.code, orjson.loads(text.out)["total"]) == (0, 3)
    assert gzip.decompress(send(port, asked, "--packed").out) == text.out
    assert send(keyed, "getfile_zip b", "-a", *PAIR).out == big_piece(0, 300)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("getfile nix", b"error: cannot open file /var/spool/voipmonitor/nix"),
        ("getfile ../x", b"access denied"),
    ],
)
def test_an_error_of_the_sniffer_is_printed_and_is_1(
    send: Send, command: str, reply: bytes, plain: tuple[int, str]
) -> None:
    words = f"amp send: 127.0.0.1:{plain[0]}: getfile: the reply is an error\n"
    assert send(plain[0], command) == (1, reply, words)


def test_a_sniffer_that_cannot_be_reached_is_1(amp: Amp, send: Send) -> None:
    with refusing_port() as port:
        assert send(port, "getversion") == (
            1, b"", f"amp send: 127.0.0.1:{port}: getversion: Connection refused\n",
        )  # fmt: skip
        assert send(port, "restart").err.endswith(": Not sent: restart: Connection refused\n")
    assert amp("send", "-h", "/no/such", "-c", "getversion").err == (
        "amp send: /no/such: getversion: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("fault", "command", "words"),
    [
        ("hang", "getversion", "getversion: no answer within 0.3 s"),
        ("hang", "restart", "Outcome unknown: restart: no answer within 0.3 s"),
        ("starting", "totalcalls", "totalcalls: an empty reply: the sniffer is starting or stopping"),
        ("cut-after=50", "listcalls {}", "listcalls: reply cut short: JSON without its end"),
        ("garbage=command not found\n", "is_register_new", "is_register_new: the reply is an error"),
    ],
)
def test_a_sniffer_that_misbehaves_is_1(send: Send, fault: str, command: str, words: str) -> None:
    with sniffer("--fault", fault, "--calls", "1") as port:
        done = send(port, command, *(("--timeout", "0.3") if fault == "hang" else ()))
    assert (done.code, done.err) == (1, f"amp send: 127.0.0.1:{port}: {words}\n")


def test_a_slow_reply_is_waited_for_while_it_goes_on(send: Send) -> None:
    size = 13 << 16
    with sniffer("--fault", "pause=0.25", "--file", f"a={size}") as port:
        done = send(port, "getfile a", "--timeout", "2.5")  # thirteen pieces: longer than that in all
    assert (done.code, len(done.out)) == (0, size)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("-h x", "expected a command: -c COMMAND, or --command-file FILE"),
        ("-c getversion --command-file - -h x", "expected a command: -c COMMAND, or --command-file FILE"),
        ("-c getversion", ONE_OF),
        ("-c getversion -h x -s 2", ONE_OF),
        ("-c getversion --via amp", ONE_OF),
        ("-c getversion --via amp -h x", "--via amp needs -s, --server or --all"),
        ("-c getversion --via x", "options: --via x: expected HOST:PORT, the path of a unix socket, or amp"),
        ("-c getversion -s 2 -p 5", "-p needs -h with the name or address of a host"),
        ("-c getversion -h x --key AAAA", "--key and --iv belong together"),
        ("-c getversion -h x --key K --iv V", "--key and --iv are for encrypted requests: -a is missing"),
        ("-c getversion -h x -a --key ! --iv !", "--key and --iv: key: not base64"),
        ("-c getversion -h x -a", "options: x:5029: no key: give --key and --iv, or a configuration"),
        ("-c getversion -h x --json", "--json is for --all"),
        ("-c xxrestartyy -h x", "unknown sniffer command 'xxrestartyy' (did you mean 'restart'?)"),
        ("-c restart,now -h x", "unknown sniffer command 'restart,now' (did you mean 'restart'?)"),
        ("--command-file /no/such -h x", "/no/such: No such file or directory"),
        ("-c getversion --server s2 --config /no/such", "/no/such: cannot read: No such file or directory"),
    ],
)  # fmt: skip
def test_wrong_usage_is_2(arguments: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", *arguments.split()]) == 2
    assert capsys.readouterr() == ("", f"amp send: {words}\n")


def test_arguments_are_held_against_the_table(send: Send, plain: tuple[int, str]) -> None:
    assert send(plain[0], f"fileexists {'x' * 1001}").err == (
        "amp send: fileexists: file too long: 1001 bytes, at most 1000\n"
    )
    assert send(plain[0], "getversion\nrestart").err == "amp send: a command cannot hold CR, LF or NUL\n"


def test_help_is_help_only(amp: Amp) -> None:
    assert amp("send", "--help").out.startswith(b"Usage: amp send")
    assert amp("send", "-h").code == 2


def test_a_long_command_comes_from_standard_input_or_a_file(
    amp: Amp, plain: tuple[int, str], tmp_path: Path
) -> None:
    """The system takes 128 kB for one word of a command line; a position list may have 1 MB."""
    positions = ",".join(str(number) for number in range(150_000))[: 1 << 20]
    command = f"getfile_in_tar t.tar f.pcap key rec tab {positions}\n".encode()
    place = ("-h", "127.0.0.1", "-p", str(plain[0]))
    done = amp("send", *place, "--command-file", "-", stdin=command)
    assert done.out == b"error: missing file [t.tar]"
    (tmp_path / "c").write_bytes(command)
    assert amp("send", *place, "--command-file", str(tmp_path / "c")).out == done.out


@pytest.mark.parametrize("encrypted", [False, True])
def test_50_mb_go_to_a_slow_pipe_in_little_memory(
    encrypted: bool, plain: tuple[int, str], keyed: int
) -> None:
    port, options = (keyed, ("-a", *PAIR)) if encrypted else (plain[0], ())
    place = (*AMP, "send", "-h", "127.0.0.1", "-p", str(port), *options)
    small, _ = peak_bytes([*place, "-c", "getversion"])
    big, digest = peak_bytes([*place, "-c", "getfile big", "--timeout", "2.5"], pause_s=2.8)
    expected = hashlib.sha256()
    for at in range(0, BIG, 65536):
        expected.update(big_piece(at, 65536))
    assert digest == expected.hexdigest()
    assert big - small < 16 << 20


def peak_bytes(command: list[str], pause_s: float = 0.0) -> tuple[int, str]:
    """Run it; the most memory it ever had, and what it wrote as a digest. Its reader pauses once."""
    digest = hashlib.sha256()
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        digest.update(process.stdout.read(1 << 16))
        time.sleep(pause_s)  # longer than the timeout, which must not count the reader's time
        while data := process.stdout.read(1 << 20):
            digest.update(data)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss << 10, digest.hexdigest()


def test_a_reader_that_leaves_ends_it_quietly(plain: tuple[int, str]) -> None:
    command = [*AMP, "send", "-h", plain[1], "-c", "getfile big"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == big_piece(0, 4)
        process.stdout.close()
        assert process.wait(PATIENCE_S) == -signal.SIGPIPE
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_ctrl_c_ends_it_quietly() -> None:
    with sniffer("--fault", "pause=5", "--file", "a=200000") as port:
        command = [*AMP, "send", "-h", "127.0.0.1", "-p", str(port), "-c", "getfile a"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.read(4) == big_piece(0, 4)  # it asks, and waits for more
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == -signal.SIGINT
            assert process.stderr is not None
            assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("to", "words"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_a_standard_output_that_takes_nothing_is_1(to: str, words: str, plain: tuple[int, str]) -> None:
    script = f'exec "$@" {to}'
    command = ["sh", "-c", script, "sh", *AMP, "send", "-h", plain[1], "-c", "getfile big"]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr.decode()) == (1, f"amp send: standard output: {words}\n")
