"""``amp send`` with a configuration: sniffers by name or number, all at once, and through a running amp."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from amp.sim.sniffer.spool import big_piece
from cli.conftest import Amp
from cli.processes import Done, running, sniffer
from ports import refusing_port, unused_port

KEY, IV, OTHER = (
    base64.b64encode(text).decode()
    for text in (b"sixteen bytes ok", b"an initial value", b"another key here")
)
SNIFFER = '[[server]]\nkind = "voipmonitor"\nname = "{name}"\nhost = "127.0.0.1"\nport = {port}\n{more}\n'


def server(name: str, port: int, *more: str) -> str:
    return SNIFFER.format(name=name, port=port, more="\n".join(more or ('encryption = "none"',)))


@pytest.fixture(scope="module")
def keyed() -> Iterator[int]:
    """A sniffer with a key."""
    with sniffer("--key", KEY, "--iv", IV, "--registers", "7", "--file", "t.tar/f.pcap=300") as port:
        yield port


@pytest.fixture(scope="module")
def config(keyed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration of three sniffers, two of them with a key (in two places), and listeners for them."""
    folder = tmp_path_factory.mktemp("config")
    (folder / "voipmonitor.conf").write_text(f"manager_aes_key = {KEY}\nmanager_aes_iv = {IV}\n")
    place = '[[listen]]\nprotocols = ["voipmonitor"]\nuser = "gui"\n'
    pair = f'key = "{OTHER}"\niv = "{IV}"\n'
    with sniffer("--registers", "3") as port:
        path = folder / "amp.toml"
        path.write_text(
            '[log]\nformat = "json"\n'
            + server("s1", port, "sensor_id = 1", 'encryption = "none"')
            + server("s2", keyed, "sensor_id = 2", f'key = "{KEY}"', f'iv = "{IV}"')
            + server("s3", keyed, "sensor_id = 30", f'key_conf = "{folder}/voipmonitor.conf"')
            + f'{place}server = "s1"\nunix = "{folder}/s1.sock"\n{pair}'
            + f'{place}server = "s2"\nport = {unused_port()}\n{pair}'
            + '[[user]]\nname = "gui"\nsecret = "gui"\nsniffer_commands = "gui"\n'
        )
        yield path


Send = Callable[..., Done]


@pytest.fixture
def send(amp: Amp) -> Send:
    """``send(config, *arguments)``."""

    def run(config: Path, *arguments: str, **more: object) -> Done:
        return amp("send", "--config", str(config), *arguments, **more)

    return run


@pytest.mark.parametrize(
    ("whom", "reply"), [("-s 1", b"3"), ("--server s1", b"3"), ("-s 2", b"7"), ("--server s3", b"7")]
)
def test_a_sniffer_is_asked_as_it_is_configured(send: Send, whom: str, reply: bytes, config: Path) -> None:
    assert send(config, *whom.split(), "-c", "totalregisters") == (0, reply, "")


def test_the_configuration_may_be_named_by_the_environment(amp: Amp, config: Path) -> None:
    done = amp("send", "-s", "30", "-c", "totalregisters", env={"AMP_CONFIG": str(config)})
    assert done == (0, b"7", "")


@pytest.mark.parametrize(
    ("whom", "words"),
    [
        ("-s 4", "no sniffer has sensor_id = 4"),
        ("--server s4", "no sniffer is called 's4'"),
        ("--server s3 --via amp", '--via amp: no [[listen]] with protocols = ["voipmonitor"] for s3'),
    ],
)  # fmt: skip
def test_who_is_not_in_the_configuration_is_2(send: Send, whom: str, words: str, config: Path) -> None:
    done = send(config, *whom.split(), "-c", "getversion")
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith(f"amp send: options: {words}")


def test_simulated_sniffers_are_asked_through_the_amp_that_has_them(send: Send, tmp_path: Path) -> None:
    path = tmp_path / "simulated.toml"
    path.write_text("[simulate]\nasterisks = 1\nsniffers = 1\n")
    done = send(path, "--server", "sniffer1", "-c", "getversion")
    assert (done.code, done.out) == (2, b"")
    assert "which has only simulated ones: those are inside the running amp" in done.err


def test_a_host_has_the_key_of_the_server_configured_with_it(send: Send, config: Path, keyed: int) -> None:
    asked = ("-h", "127.0.0.1", "-p", str(keyed), "-a", "-c", "totalregisters")
    assert send(config, *asked) == (0, b"7", "")
    # The configured key comes first; one that is given counts where there is none.
    assert send(config, *asked, "--key", OTHER, "--iv", IV) == (0, b"7", "")
    with sniffer("--key", OTHER, "--iv", IV, "--registers", "9", "--unix", str(config.parent / "o.sock")):
        place = ("-h", str(config.parent / "o.sock"), "-a", "-c", "totalregisters")
        assert send(config, *place, "--key", OTHER, "--iv", IV) == (0, b"9", "")
        assert send(config, *place).code == 2


# -- through amp ----------------------------------------------------------------------------------------


def test_through_a_running_amp(amp: Amp, send: Send, config: Path) -> None:
    with running(config) as places:
        port = next(place for place in places if not place.startswith("/"))
        assert send(config, "-s", "1", "--via", "amp", "-c", "totalregisters") == (0, b"3", "")
        assert send(config, "-s", "2", "--via", "amp", "-c", "totalregisters") == (0, b"7", "")
        assert amp("send", "--via", f"{config.parent}/s1.sock", "-c", "totalregisters").out == b"3"
        assert send(config, "--via", port, "-a", "-c", "totalregisters") == (0, b"7", "")
        given = ("--key", OTHER, "--iv", IV)
        assert amp("send", "--via", port, "-a", *given, "-c", "totalregisters") == (0, b"7", "")
        wrong = amp("send", "--via", port, "-a", "--key", KEY, "--iv", IV, "-c", "totalregisters")
        assert (wrong.code, wrong.out) == (1, b"")
        refused = send(config, "-s", "1", "--via", "amp", "-c", "restart")
        assert refused.out == b"error: restart: not among your sniffer commands\n"
        assert (refused.code, refused.err) == (
            1, f"amp send: s1 ({config.parent}/s1.sock): restart: the reply is an error\n",
        )  # fmt: skip


def test_a_file_in_a_tar_comes_through_amp_with_its_positions(send: Send, config: Path) -> None:
    """The position list of a long call: 1 MB, more than a command line takes."""
    positions = ",".join(str(number) for number in range(10**6))[: 1 << 20].rstrip(",").encode()
    asked = b"getfile_in_tar%b t.tar f.pcap key7 rec tab " + positions
    with running(config):
        through = ("-s", "2", "--via", "amp", "--command-file", "-")
        complete = ("-s", "2", "--via", "amp", "-c", "getfile_in_tar_check_complete t.tar f.pcap key7")
        assert send(config, *complete) == (0, b"uncomplete", "")
        assert send(config, *through, stdin=asked % b"_zip").out == big_piece(0, 300)
        assert send(config, *through, stdin=asked % b"").out == big_piece(0, 300)
        assert send(config, *complete) == (0, b"OK", "")
        longer = send(config, *through, stdin=asked % b"" + b"," * (1 + (1 << 20) - len(positions)))
        assert (longer.code, longer.err) == (
            2, "amp send: getfile_in_tar: positions too long: 1048577 bytes, at most 1048576\n",
        )  # fmt: skip


# -- all of them ----------------------------------------------------------------------------------------


def test_all_are_asked_at_once_and_the_dead_and_the_hanging_are_named(
    send: Send, tmp_path: Path, keyed: int
) -> None:
    with ExitStack() as stack:
        two = [stack.enter_context(sniffer("--registers", str(number))) for number in range(2)]
        hanging = [stack.enter_context(sniffer("--fault", "hang")) for _ in range(2)]
        path = tmp_path / "amp.toml"
        path.write_text(
            "".join(server(f"s{n}", two[n % 2], f"sensor_id = {n}", 'encryption = "none"') for n in range(20))
            + "".join(server(f"hangs{n}", port) for n, port in enumerate(hanging))
            + server("dead", stack.enter_context(refusing_port()))
            + server("wrong", keyed, f'key = "{OTHER}"', f'iv = "{IV}"')
        )
        table = send(path, "--all", "-c", "totalregisters", "--timeout", "2.5")
        lines = send(path, "--all", "--json", "-c", "totalregisters", "--timeout", "2.5")
    rows = [row.split(None, 3) for row in table.out.decode().splitlines()]
    assert (table.code, table.err) == (1, "")
    assert rows[0] == ["sensor", "server", "ms", "answer"]
    assert [(row[0], row[1], row[3]) for row in rows[1:21]] == [
        (str(n), f"s{n}", str(n % 2)) for n in range(20)
    ]
    assert [row.split(None, 2)[::2] for row in table.out.decode().splitlines()[21:]] == [
        ["hangs0", "error: totalregisters: no answer within 2.5 s"],
        ["hangs1", "error: totalregisters: no answer within 2.5 s"],
        ["dead", "error: totalregisters: Connection refused"],
        ["wrong", "error: totalregisters: the reply cannot be read: the sniffer has another key"],
    ]
    told = [orjson.loads(line) for line in lines.out.splitlines()]
    assert [(one["server"], one["reply"], one.get("error")) for one in told[19:21]] == [
        ("s19", "1", None),
        ("hangs0", "", "totalregisters: no answer within 2.5 s"),
    ]
    assert lines.code == 1


def test_a_table_shows_no_orders_to_the_terminal_and_no_walls_of_text(send: Send, tmp_path: Path) -> None:
    with sniffer("--fault", "garbage=\x1b[2J\n\x07ok") as odd, sniffer("--calls", "9") as long:
        (tmp_path / "amp.toml").write_text(server("odd", odd) + server("long", long))
        done = send(tmp_path / "amp.toml", "--all", "-c", "list_active_clients")
        calls = send(tmp_path / "amp.toml", "--all", "-c", "help")
    assert done.out.splitlines()[1].endswith(b"  \\x1b[2J\\n\\x07ok")
    assert done.out.splitlines()[2].endswith(b'  {"count":0}')
    assert done.code == 0
    last = calls.out.splitlines()[2]
    assert last.endswith(b" bytes)")
    assert len(last) < 200


def test_files_are_for_one_sniffer_at_a_time(send: Send, config: Path) -> None:
    assert send(config, "--all", "-c", "getfile x") == (
        2, b"", "amp send: getfile: its reply is a stream, so it is for one sniffer at a time\n",
    )  # fmt: skip
