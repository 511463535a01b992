"""The settings page and the sample file say what the classes say, in both directions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from amp.config.load import load
from amp.config.schema import Config, key_of
from amp.config.secret import Secret
from certificates import authority
from config.describing import ARRAYS, CLASSES, SECTIONS, default, described_keys, toml

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "docs" / "configuration.md"
SAMPLE = ROOT / "config.toml.example"


IN_A_SNIFFERS_PLACE = {("port", "5029"), ("protocols", '["voipmonitor"]')}
"""Settings of a listener that is there because of them."""
SNIFFER = {
    "GUI_DATABASE": "g",
    "S2_KEY": "c2l4dGVlbiBieXRlcyBvaw==",
    "S2_IV": "YW4gaW5pdGlhbCB2YWx1ZQ==",
    "S2_POPUP": "a b",
}


def documented_keys() -> Iterator[tuple[str, str, str]]:
    """Section, key and type line of every heading of the settings page."""
    for part in SETTINGS.read_text().split("\n## [")[1:]:
        section = part[: part.index("]")].strip("[")
        for key, line in re.findall(r"^### (\w+)\n\n(.*)$", part, re.MULTILINE):
            yield section, key, line


def test_the_settings_page_has_every_key_with_its_type_and_default() -> None:
    assert sorted(documented_keys()) == sorted(described_keys())


def test_every_section_has_its_keys_on_the_settings_page() -> None:
    assert set(Config.__annotations__) == set(SECTIONS)


def test_every_key_of_the_settings_page_is_described() -> None:
    for section, key in ((section, key) for section, key, _ in documented_keys()):
        pattern = rf"### {key}\n\n\*.*\*\n\n[A-Z`][^#]{{10,}}"
        assert re.search(pattern, SETTINGS.read_text()), f"[{section}] {key} has no text"


def sample_settings() -> Iterator[tuple[str, str, str, bool]]:
    """Section, key, value as written, and whether the line is active, of every setting of the sample."""
    section = ""
    for line in SAMPLE.read_text().splitlines():
        if head := re.fullmatch(r"#?\[+(\w+)\]+", line):
            section = head[1]
        elif setting := re.fullmatch(r"(#?)(\w+) = (.*?)(\s+#.*)?", line):
            yield section, setting[2], setting[3], not setting[1]


def test_the_sample_shows_every_key_that_works_and_no_other() -> None:
    shown = {(section, key) for section, key, _, _ in sample_settings()}
    assert shown == {(section, key_of(field.name)) for section, cls in CLASSES for field in attrs.fields(cls)}


def test_what_the_sample_comments_out_is_the_default() -> None:
    for section, key, value, active in sample_settings():
        fields = [
            field
            for name, cls in CLASSES
            for field in attrs.fields(cls)
            if (name, key_of(field.name)) == (section, key)
        ]
        defaults = {default(field) for field in fields}
        if (key, value) in IN_A_SNIFFERS_PLACE:
            continue
        if not active and not defaults & {"Required", "Default: the host name", "Default: none"}:
            assert f"Default: `{toml(tomllib.loads(f'v = {value}')['v'])}`" in defaults, f"[{section}] {key}"


def test_the_sample_runs_as_it_stands() -> None:
    config = load(SAMPLE, {})
    assert [(listen.address, listen.port) for listen in config.listen] == [("127.0.0.1", 5038)]
    assert config.simulate is not None
    assert config.simulate.asterisks == 2
    assert len(config.user) == 2
    name, secret = config.user[0].name, config.user[0].secret
    assert secret is not None
    assert f"#   Username: {name}\n#   Secret: {secret.reveal()}\n" in SAMPLE.read_text()


def test_the_sample_with_everything_uncommented_is_right_but_for_the_secret_file(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=[\w\[])", "", SAMPLE.read_text(), flags=re.MULTILINE)
    text = re.sub(r'^tls = "off"(?=.*verify)', 'tls = "verify"', text, flags=re.MULTILINE)
    # the other way to reach a sniffer, the other kind of secret
    text = re.sub(r"^(socket|secret_hash) = .*\n", "", text, flags=re.MULTILINE)
    (tmp_path / "amp.toml").write_text(text.replace("/run/secrets/pbx1", "pbx1").replace("/etc/amp/", ""))
    (tmp_path / "pbx1").write_text("s\n")
    authority().issue(tmp_path, "localhost", stem="amp")
    authority().write(tmp_path, stem="pbx-ca")
    authority().write(tmp_path, stem="gui-ca")
    assert load(tmp_path / "amp.toml", {"AMP_PROXY_KEY": "k", **SNIFFER}).asterisks[0].secret == Secret("s")


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_have_their_brackets(section: str) -> None:
    head = f"[[{section}]]" if section in ARRAYS else f"[{section}]"
    assert f"\n## {head}\n" in SETTINGS.read_text()
    assert re.search(rf"^#?{re.escape(head)}$", SAMPLE.read_text(), re.MULTILINE)
