"""Who may send which command."""

from __future__ import annotations

import pytest

from amp.core.voipmonitor.commands import COMMANDS, Rights
from amp.core.voipmonitor.rights import DEFAULT_COMMANDS, GUI_COMMANDS, SnifferGrant, word_problems

CHANGING = {
    name for name, spec in COMMANDS.items() if not spec.read_only and spec.rights is not Rights.CONTENT
}


def test_the_default_list() -> None:
    """DESIGN's six."""
    six = {"getversion", "totalcalls", "totalregisters", "listcalls", "listregisters", "sniffer_stat"}
    assert six == DEFAULT_COMMANDS == SnifferGrant.of(None).commands == SnifferGrant().commands


def test_a_list_stands_in_the_place_of_the_default() -> None:
    grant = SnifferGrant.of(["listcalls", "getfile"])
    assert grant.commands == {"listcalls", "getfile"}
    assert grant.refusal(COMMANDS["listcalls"]) is None
    assert grant.refusal(COMMANDS["getversion"]) == "getversion: not among your sniffer commands"
    assert SnifferGrant.of([]).commands == frozenset()


@pytest.mark.parametrize("pattern", ["*", "?*", "[a-z]*", "re*", "block*", "manager_file*", "get*", "start*"])
def test_no_pattern_gives_what_changes_a_sniffer(pattern: str) -> None:
    grant = SnifferGrant.of([pattern], admin=True)
    assert not grant.commands & CHANGING
    assert "get_json_config" not in grant.commands


def test_patterns_that_begin_with_letters_name_content() -> None:
    assert {"getfile", "getfile_in_tar_zip"} < SnifferGrant.of(["getfile*"]).commands
    everything = SnifferGrant.of("*").commands
    assert everything >= DEFAULT_COMMANDS
    assert not any(COMMANDS[name].rights is Rights.CONTENT for name in everything)


def test_what_stops_a_sniffer_is_named_in_full() -> None:
    assert SnifferGrant.of(["restart"]).refusal(COMMANDS["restart"]) is None
    assert SnifferGrant.of("gui", admin=True).refusal(COMMANDS["restart"]) is not None


def test_what_takes_it_over_is_for_administrators_besides() -> None:
    assert SnifferGrant.of(["manager_file"]).refusal(COMMANDS["manager_file"]) == (
        "manager_file: only for administrators"
    )
    assert SnifferGrant.of(["manager_file"], admin=True).refusal(COMMANDS["manager_file"]) is None
    assert SnifferGrant.of(None, admin=True).refusal(COMMANDS["manager_file"]) is not None


def test_the_gui_preset_is_the_guis_daily_work() -> None:
    grant = SnifferGrant.of("gui")
    assert grant.commands == GUI_COMMANDS
    needed = "listcalls active_call_info getfile_in_tar getfile_in_tar_check_complete listen readaudio "
    needed += "stoplivesniffer getlivesniffer get_sensor_information fileexists reload"
    assert set(needed.split()) <= GUI_COMMANDS
    assert not any(COMMANDS[name].rights in (Rights.ADMIN, Rights.DESTRUCTIVE) for name in GUI_COMMANDS)


@pytest.mark.parametrize("words", ["gui", "*", "start*", "startlive*", "startlivesniffe?"])
def test_live_sniffing_is_named_in_full(words: str) -> None:
    """Without its table it blocks the sniffer: FACTS §9, recording plain-sniffer_stat-blocked."""
    spec = COMMANDS["startlivesniffer"]
    assert SnifferGrant.of(words, admin=True).refusal(spec) == (
        "startlivesniffer: not among your sniffer commands"
    )
    assert SnifferGrant.of([words, "startlivesniffer"]).refusal(spec) is None


def test_internals_are_for_the_gui_and_administrators() -> None:
    assert SnifferGrant.of(["gui", "restart"]).sees_internals
    assert SnifferGrant.of(None, admin=True).sees_internals
    assert not SnifferGrant.of(["getfile", "listcalls"]).sees_internals


def test_a_configuration_is_told_what_gives_nothing() -> None:
    assert list(word_problems(["listcalls", "gui", "getfile*"])) == []
    assert list(word_problems("listcals")) == [
        "unknown sniffer command 'listcals' (did you mean 'listcalls'?)"
    ]
    assert list(word_problems([""])) == ["unknown sniffer command ''"]
    assert list(word_problems(["restart*"])) == [
        "pattern 'restart*' stands for no command; what changes a sniffer is named in full"
    ]
