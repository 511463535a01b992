"""``[[user]]`` from the lines of ``astmanproxy.users``, and for who came in without a login.

``user=secret,channel,out_context,in_context,account,server,more_events,filters``; the last ones came with
time. What a user could not do before it must not be able to do now: one whose restriction amp cannot take as
it is written may see or do nothing rather than more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from amp.config.importing.astmanproxy_files import Line
from amp.config.importing.astmanproxy_options import Options
from amp.config.importing.rights import EVERYTHING
from amp.config.importing.table import Element, Table, Value, commented, setting_lines
from amp.core.ami.secret_hash import hash_problem
from amp.core.policy.calls.own_calls import SHUT

__all__ = ["everybody", "user_tables"]

FIELDS: Final = (
    "secret",
    "channel",
    "out_context",
    "in_context",
    "account",
    "server",
    "more_events",
    "filters",
)
FILTERS: Final = ("cdronly", "brionly", "xfronly", "novar")
FILTER_LOCAL: Final = ("allow", "allowwith", "enforce")

NARROW_READING: Final = frozenset(("channel", "in_context", *FILTERS))
NARROW_WRITING: Final = frozenset(("channel", "out_context", "account"))
"""Without one of these a user would see, or do, more than it did."""

OTHER_HASH: Final = re.compile(r"\$[0-9a-z]{1,10}\$.*")

WAS_OPEN: Final = "Was open: behind astmanproxy everybody could do all this. Take out what nobody needs:"

NARROW: Final = "Name what it needs of the console in commands = [...]."


def user_tables(lines: list[Line], servers: Mapping[str, bool], options: Options) -> list[Table]:
    """A table for each user; where a name comes twice, the last line counts, as in astmanproxy.

    Args:
        lines: the users' lines.
        servers: the name of each server in the order of the file, and whether amp can use it.
        options: those of ``astmanproxy.conf``.
    """
    last = {line.name.lower(): line.number for line in lines}
    tables = []
    for line in lines:
        table = _table(line, servers, options)
        if last[line.name.lower()] != line.number:
            table.void(f"line {line.number}: another line further down has the same name (case aside).")
        tables.append(table)
    return tables


def everybody(options: Options, taken: Collection[str], draw_secret: Callable[[], str]) -> dict[str, Table]:
    """Users for who had no name: by the key of ``[proxy]`` that is to name them."""
    needed = []
    if options.last("proxykey"):
        needed.append(("proxy_key_user", "proxy-key", "Who gives the proxy_key."))
    elif not options.says_yes("authrequired"):
        needed.append(("anonymous_user", "anonymous", "Who has not logged in."))
    tables = {}
    for key, name, sentence in needed:
        table = Table("user", array=True)
        while name in taken:
            name += "-"
        table.set("name", name, f"{sentence} Nobody needs this secret, which was drawn at random.")
        table.set("secret", draw_secret())
        _rights(table, list(EVERYTHING))
        tables[key] = table
    return tables


def _table(line: Line, servers: Mapping[str, bool], options: Options) -> Table:
    table = Table("user", array=True)
    fields = dict(zip(FIELDS, [*line.value.split(",", 7), *[""] * 8], strict=False))
    if line.cut:
        table.note("astmanproxy read this line only up to a ; or #, and without =.")
    table.set("name", line.name)
    _secret(table, fields["secret"])
    refused = {key for key, value in _narrowings(table, fields, options) if not table.set(key, value)}
    _other_filters(table, fields["filters"])
    _server(table, fields["server"], servers)
    if fields["more_events"]:
        table.set("more_events", value=True)
    _rights(table, list(EVERYTHING), refused)
    return table


def _secret(table: Table, secret: str) -> None:
    if not secret:
        table.void("the secret was empty, so that everybody could log in with this name.")
    elif not hash_problem(secret):
        table.set("secret_hash", secret, "Challenge does not work with a hash; clients send the secret.")
    elif OTHER_HASH.fullmatch(secret):
        table.void(
            "its secret looks like a hash of a kind that amp does not check (only bcrypt, up to cost 12)."
        )
        table.note(
            "If it is no hash but the secret itself, take the comment signs away. Else give it a new one."
        )
        table.set("secret", secret)
    else:
        table.set("secret", secret)


def _narrowings(table: Table, fields: dict[str, str], options: Options) -> list[tuple[str, Value]]:
    """What restricts a user, and the account that its calls are for."""
    for key in ("out_context", "in_context"):
        if fields[key] != fields[key].lower():
            table.note(f"{key}: astmanproxy took it in small letters; here it counts as it is written.")
    found: list[tuple[str, Value]] = [
        (key, fields[key]) for key in ("channel", "out_context", "in_context", "account") if fields[key]
    ]
    found += _local_channels(table, fields, options.last("filterlocal").lower())
    words = [word for word in FILTERS if word in fields["filters"].lower()]
    if fields["channel"] and any(word != "novar" for word in words):
        table.note(f"{', '.join(words)}: everybody's were shown; now those of the user's channels are.")
    return [*found, *((word, True) for word in words)]


def _local_channels(table: Table, fields: dict[str, str], local: str) -> list[tuple[str, Value]]:
    """The option ``filterlocal`` for one user: it was about users with a channel."""
    if fields["channel"] and local in FILTER_LOCAL:
        if local == "allow" or fields["out_context"]:
            return [("filter_local", local)]
        table.note(f"filterlocal = {local} is about Local channels into out_context, and there is none.")
    elif fields["out_context"] and not fields["channel"]:
        table.note(
            "Was open: Local channels led into other contexts, too. Without the next line they do not."
        )
        return [("filter_local", "allow")]
    return []


def _other_filters(table: Table, filters: str) -> None:
    if "asterix" in filters.lower():
        table.leave_out("filter asterix: it left out most headers of SIP peers in lists; amp shows them all.")
    known = (*FILTERS, "asterix")
    for word in filters.split("|"):
        if word and not any(name in word.lower() for name in known):
            table.leave_out(f"filter {word}: none that astmanproxy knew.")


def _server(table: Table, server: str, servers: Mapping[str, bool]) -> None:
    if not server:
        return
    named = next((name for name in servers if name.lower() == server.lower()), None)
    if named is None:
        table.note(
            f"server = {server}: no host has this name, so astmanproxy sent its actions to the first server;"
            " so does amp without the key."
        )
        return
    if not servers[named]:
        table.void(f"its server {named} is left out, see above; without it, actions would go to another one.")
        table.lines += [f"#{line}" for line in setting_lines("server", named)]
        return
    table.set("server", named, "Actions go there; events of the other servers were seen as well.")
    table.set("servers", [name for name, good in servers.items() if good and name != named])
    table.set("on_server_loss", "event")


def _rights(table: Table, writes: list[Element], refused: Collection[str] = ()) -> None:
    missing = sorted(refused)
    blind, bound = NARROW_READING & set(missing), NARROW_WRITING & set(missing)
    if missing and (blind or bound):
        table.note(
            f"Without {', '.join(sorted(blind | bound))} this user would have more than it had. So it has"
            " less until they are put right; what it shall have then follows as a comment."
        )
    table.set("read", [] if blind else ["all"])
    if not bound:
        table.note(WAS_OPEN)
        if {"channel", "out_context"} & set(table.settings):
            table.note(
                f"(With a channel or an out_context these stay shut: {', '.join(sorted(SHUT))}. {NARROW})"
            )
        table.array_of("write", writes)
        return
    table.set("write", [])
    later = Table("user")
    later.array_of("write", writes)
    table.lines += commented(WAS_OPEN) + [f"#{line}" for line in later.lines]
