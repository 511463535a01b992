"""Every command of the sniffer's manager that amp knows, with all that amp must know about it.

The sniffer looks a word that it does not know up *anywhere* in the line, so ``xxrestartyy`` restarts it. amp
sends exact names from this table and nothing else. Names are those of ``help`` (recording plain-help) and
the handful that it does not list; arguments and sizes are those of the sniffer's handlers.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from amp.core.voipmonitor.arguments import Argument, Kind

__all__ = ["COMMANDS", "CommandSpec", "Reply", "Rights", "Zip"]


class Rights(enum.Enum):
    """Who may send a command; see `amp.core.voipmonitor.rights`."""

    DEFAULT = "default"
    """Read-only, and what every user has whose ``sniffer_commands`` says nothing."""
    READ = "read-only"
    """Looks at the sniffer and changes nothing."""
    CONTENT = "content"
    """Gives what people said or sent, or what is on the sniffer's disk."""
    GUI = "gui"
    """Changes the sniffer in the way the GUI does every day."""
    DESTRUCTIVE = "destructive"
    """Stops it, can block it, or loses or holds back its data."""
    ADMIN = "admin"
    """Can take over the sniffer, its files or its key."""


class Reply(enum.Enum):
    """What a reply looks like."""

    TEXT = "text"
    JSON = "json"
    BINARY = "binary"
    NONE = "none"
    """No bytes at all, whether it worked or not."""


class Zip(enum.Enum):
    """How a command is asked for a packed reply."""

    NO = "no"
    MEMBER = "member"
    """``"zip":"yes"`` in its JSON argument."""
    WORD = "word"
    """The word ``zip`` behind its arguments."""
    ALWAYS = "always"


@attrs.frozen(kw_only=True)
class CommandSpec:
    """One row of the table.

    Attributes:
        name: as it is sent, in small letters but for one.
        rights: who may send it.
        arguments: what it takes, in order.
        reply: what comes back.
        zip: how a packed reply is asked for.
        plain: works unencrypted although the sniffer has a key (FACTS §6).
        stream: its reply may be huge or have no end, so its whole time and size are not bounded.
        endless: its reply ends when one of the two has enough.
        plain_reply: the reply is never encrypted, whatever the request was.
        trailing_blank: reads one byte behind its arguments, so there has to be one.
        spaces_last: reads its arguments at a fixed distance, so blanks may be added only at the end.
    """

    name: str
    rights: Rights
    arguments: tuple[Argument, ...] = ()
    reply: Reply = Reply.TEXT
    zip: Zip = Zip.NO
    plain: bool = False
    stream: bool = False
    endless: bool = False
    plain_reply: bool = False
    trailing_blank: bool = False
    spaces_last: bool = False

    @property
    def read_only(self) -> bool:
        """Whether asking twice is the same as asking once: it may be repeated after a changed key."""
        return self.rights in (Rights.DEFAULT, Rights.READ)

    @property
    def shareable(self) -> bool:
        """Whether equal commands may have one exchange for all; content is never shared or cached."""
        return self.read_only and not self.stream


def _row(name: str, rights: Rights, *arguments: Argument, reply: Reply = Reply.TEXT) -> CommandSpec:
    return CommandSpec(name=name, rights=rights, arguments=arguments, reply=reply)


def _rows(rights: Rights, names: str, *arguments: Argument) -> list[CommandSpec]:
    """Commands that differ in nothing but their names."""
    return [_row(name, rights, *arguments) for name in names.split()]


_WORDS: Final = Argument("arguments", Kind.WORDS, optional=True)
_JSON: Final = Argument("parameters", Kind.JSON)
_MAYBE_JSON: Final = Argument("parameters", Kind.JSON, optional=True)
_REFERENCE: Final = Argument("callreference", Kind.WORD)
_ID: Final = Argument("id", Kind.WORD)
_UID: Final = Argument("uid", Kind.WORD)
_FILE: Final = Argument("file", Kind.FILE)
_SPOOL: Final = Argument("spool", Kind.WORD, optional=True)
_TYPE: Final = Argument("type", Kind.WORD, optional=True)
_TAR: Final = (Argument("tar", Kind.FILE), _FILE, Argument("key", Kind.WORD))
_IN_TAR: Final = (
    *_TAR,
    Argument("record", Kind.WORD, optional=True),
    Argument("table", Kind.WORD, optional=True),
    Argument("positions", Kind.POSITIONS, optional=True),
    _SPOOL,
    _TYPE,
)

_DEFAULT: Final = [
    CommandSpec(name="getversion", rights=Rights.DEFAULT, plain=True),
    CommandSpec(name="totalcalls", rights=Rights.DEFAULT, plain=True),
    CommandSpec(name="totalregisters", rights=Rights.DEFAULT),
    CommandSpec(
        name="listcalls",
        rights=Rights.DEFAULT,
        arguments=(_MAYBE_JSON,),
        reply=Reply.JSON,
        zip=Zip.MEMBER,
    ),
    CommandSpec(
        name="listregisters",
        rights=Rights.DEFAULT,
        arguments=(_MAYBE_JSON,),
        reply=Reply.JSON,
        zip=Zip.MEMBER,
        trailing_blank=True,
    ),
    CommandSpec(
        name="sniffer_stat",
        rights=Rights.DEFAULT,
        arguments=(Argument("plain", Kind.WORD, optional=True),),
        reply=Reply.JSON,
        plain=True,
    ),
]

_PLAIN_READS: Final = (
    "getbuild getverbuild support_aes exists_aes_key printspool datadir_stat disk_io_calibration memory_stat "
    "jemalloc_stat tcmalloc_stats need_aes failed_aes_decrypt"
)
"""Read-only commands that a sniffer with a key answers in clear."""

_READ: Final = [
    *[CommandSpec(name=name, rights=Rights.READ, plain=True) for name in _PLAIN_READS.split()],
    *_rows(
        Rights.READ,
        "list_active_clients pcapstat sipports skinnyports is_register_new get_oldest_spooldir_date "
        "ignore_rtcp_jitter sql_time_information hashtable_stats listopentars listtartimemap "
        "custom_headers_dump",
    ),
    _row("getactivesniffers", Rights.READ, reply=Reply.JSON),
    _row("getlivesniffer", Rights.READ, _UID),
    CommandSpec(name="sniffer_threads", rights=Rights.READ, arguments=(_WORDS,), plain=True),
    CommandSpec(
        name="help",
        rights=Rights.READ,
        arguments=(Argument("command", Kind.WORD, optional=True),),
        trailing_blank=True,
    ),
    CommandSpec(
        name="list_sip_msg",
        rights=Rights.READ,
        arguments=(_MAYBE_JSON,),
        reply=Reply.JSON,
        zip=Zip.MEMBER,
    ),
    _row("list_history_sip_msg", Rights.READ, _MAYBE_JSON, reply=Reply.JSON),
]


def _content(name: str, *arguments: Argument, zipped: Zip = Zip.NO) -> CommandSpec:
    """A command that gives a file or audio."""
    return CommandSpec(
        name=name, rights=Rights.CONTENT, arguments=arguments, reply=Reply.BINARY, zip=zipped, stream=True
    )


_CONTENT: Final = [
    _content("getfile", _FILE, _SPOOL, _TYPE),
    _content("getfile_zip", _FILE, _SPOOL, _TYPE, zipped=Zip.ALWAYS),
    _content("getfile_in_tar", *_IN_TAR),
    _content("getfile_in_tar_zip", *_IN_TAR, zipped=Zip.ALWAYS),
    _row("getfile_in_tar_check_complete", Rights.CONTENT, *_TAR, _SPOOL, _TYPE),
    _row("getfile_is_zip_support", Rights.CONTENT),
    _content("genhttppcap", _WORDS),
    _content("readaudio", _REFERENCE, _ID),
    _row("listen", Rights.CONTENT, _REFERENCE, _ID),
    _row("listen_stop", Rights.CONTENT, _REFERENCE, _ID, reply=Reply.NONE),
    _row("file_exists", Rights.CONTENT, Argument("files", Kind.FILES), _SPOOL, _TYPE),
    _row("fileexists", Rights.CONTENT, _FILE),
    CommandSpec(
        name="active_call_info",
        rights=Rights.CONTENT,
        arguments=(Argument("callreference", Kind.REFERENCE),),
        zip=Zip.MEMBER,
    ),
    CommandSpec(
        name="get_sensor_information",
        rights=Rights.CONTENT,
        arguments=(
            Argument("kind", Kind.WORD),
            Argument("name", Kind.FILE, optional=True),
            Argument("path", Kind.FILE, optional=True),
            Argument("zip", Kind.WORD, optional=True),
        ),
        zip=Zip.WORD,
        stream=True,
    ),
    CommandSpec(
        name="login_screen_popup",
        rights=Rights.CONTENT,
        arguments=(
            Argument("user", Kind.WORD),
            Argument("password", Kind.WORD),
            Argument("key", Kind.WORD, optional=True),
        ),
        stream=True,
        endless=True,
        plain_reply=True,
    ),
]

_GUI: Final = [
    _row("stoplivesniffer", Rights.GUI, _UID, reply=Reply.NONE),
    *_rows(
        Rights.GUI,
        "reload billing_refresh country_detect_refresh custipcache_refresh custom_headers_refresh "
        "fraud_refresh no_hash_message_rules_refresh options_qualify_refresh send_call_info_refresh",
    ),
    *_rows(
        Rights.GUI,
        "livefilter ipaccountfilter fetchipaccount getipaccount stopipaccount creategraph "
        "set_partitions_service unset_partitions_service charts_cache_store_all charts_cache_cleanup_all",
        _WORDS,
    ),
]

_STOPS: Final = (
    "restart hot_restart terminating disablecdr enablecdr expire_registers cleanup_calls cleanup_registers "
    "cleanupregisters cleanup_tcpreassembly destroy_close_calls diameter_cleanup dtls_queue_cleanup "
    "alloc_test alloc_trim block_alloc_stack unblock_alloc_stack blockasync unblockasync blockcleanupcalls "
    "unblockcleanupcalls blockprocesspacket unblockprocesspacket blockqfile unblockqfile blocktar unblocktar "
    "sleepprocesspacket unsleepprocesspacket pausecall unpausecall check_filesindex convertchars coutstr "
    "crules_print custipcache_get_cust_id custipcache_vect_print diameter_packets_stack "
    "enable_bad_packet_order_warning disable_wait_for_ssl_key enable_wait_for_ssl_key flush_tar "
    "fraud_rcc_dump reindexfiles reindexfiles_date reindexfiles_datehour reindexspool set_pcap_stat_period "
    "setverbparam cleanverbparams sqlexport sqlvmexport syslogstr"
)
"""Commands that stop something, or lose or hold back data."""

_DESTRUCTIVE: Final = [
    *_rows(Rights.DESTRUCTIVE, _STOPS, _WORDS),
    # Without its table in the sniffer's database it blocks sniffer_stat and others until somebody makes the
    # table (FACTS §9, recording plain-startlivesniffer-no-table), and amp cannot know whether that is there.
    _row("startlivesniffer", Rights.DESTRUCTIVE, _JSON, reply=Reply.NONE),
]

_PLAIN_ADMIN: Final = (
    "manager_file packetbuffer_log packetbuffer_save thread usleep sql_errors_skip disk_io_recalibrate "
    "heapprof_start heapprof_stop heapprof_dump"
)
"""Commands that act although they need no key (FACTS §9)."""

_PATH: Final = (Argument("what", Kind.WORD, optional=True), Argument("path", Kind.FILE, optional=True))

_ADMIN: Final = [
    *[
        CommandSpec(name=name, rights=Rights.ADMIN, arguments=_PATH, plain=True)
        for name in _PLAIN_ADMIN.split()
    ],
    *_rows(
        Rights.ADMIN,
        "natalias traffic_dumper upgrade gitUpgrade d_close_call d_lc_all d_lc_bye d_lc_for_destroy "
        "d_pointer_to_call",
        _WORDS,
    ),
    _row("set_json_config", Rights.ADMIN, _JSON),
    CommandSpec(name="ssl_ipport", rights=Rights.ADMIN, arguments=(_WORDS,), spaces_last=True),
    CommandSpec(
        name="get_json_config",
        rights=Rights.ADMIN,
        arguments=(Argument("options", Kind.OPTIONS),),
        reply=Reply.JSON,
        spaces_last=True,
    ),
]

COMMANDS: Final[Mapping[str, CommandSpec]] = MappingProxyType(
    {spec.name: spec for spec in (*_DEFAULT, *_READ, *_CONTENT, *_GUI, *_DESTRUCTIVE, *_ADMIN)}
)
"""The table, by exact name."""
