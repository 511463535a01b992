"""The pages name what the tables hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from amp.core.ami.session import HANDLERS
from amp.core.fanout.autofilter import Autofilter
from amp.core.policy.actions import ACTIONS
from amp.core.policy.classes import DOORS, OWN_RIGHTS
from amp.core.proxy_actions.table import PROXY_ACTIONS

DOCS = Path(__file__).parents[1] / "docs"
USERS = (DOCS / "users.md").read_text()
AMI = (DOCS / "ami.md").read_text()


def test_every_door_and_right_of_amps_own_is_explained() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| ", USERS, re.MULTILINE)) >= DOORS
    assert all(f"`{word}`" in USERS for word in OWN_RIGHTS)


def test_every_action_that_needs_more_than_in_asterisk_is_named() -> None:
    words = {word.lower().encode() for word in re.findall(r"\w+", USERS)}
    stricter = {name for name, rights in ACTIONS.items() if rights.classes != rights.asterisk}
    assert {name.replace(b"zap", b"dahdi") for name in stricter if name != b"zaprestart"} <= words


@pytest.mark.parametrize("name", PROXY_ACTIONS)
def test_every_proxy_action_has_a_row_with_its_right(name: bytes) -> None:
    rows = [row for row in USERS.lower().splitlines() if row.startswith("|") and f"`{name.decode()}`" in row]
    needs = PROXY_ACTIONS[name].needs
    assert [row.split("|")[2].strip() for row in rows] == [f"`{needs}`" if needs else "–"]


def test_every_mode_has_its_number() -> None:
    assert all(f"| `{mode.name.lower()}` | {mode.value} |" in USERS for mode in Autofilter)


def test_what_a_session_answers_itself_is_listed() -> None:
    listed = AMI[AMI.index("| action |") : AMI.index("## What amp forwards")].lower()
    assert all(re.search(rf"^\| .*\b{name.decode()}\b.* \|", listed, re.MULTILINE) for name in HANDLERS)


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        for target, anchor in re.findall(r"\]\((\w+\.md)(?:#([\w-]+))?\)", page.read_text()):
            text = (DOCS / target).read_text()
            heads = {
                re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-")
                for head in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            }
            assert not anchor or anchor in heads, f"{page.name}: {target}#{anchor}"
