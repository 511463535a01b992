"""The forms of a key: base64, the GUI's JSON, voipmonitor.conf, configuration.php."""

from __future__ import annotations

import pytest

from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.key_forms import (
    from_base64,
    from_gui_json,
    from_gui_php,
    from_sniffer_conf,
    to_base64,
    to_gui_json,
)
from amp.errors import ConfigError
from sniffer_recordings import KEYS

KEY = KEYS["db128"]
TEXT, IV = to_base64(KEY)

CONF = f"""[general]
#manager_aes_key = wrong
 manager_aes_key   =  {TEXT}  \r
; manager_aes_iv = wrong
manager_aes_iv="{IV}"
managerport = 5029
"""

PHP = f"""<?php
// define('VPMANAGER_AES_KEY', 'old');
# define('VPMANAGER_AES_KEY', 'older');
/* define('VPMANAGER_AES_KEY', 'oldest');
*/
define('MYSQL_DB', 'voipmonitor');
define ( "VPMANAGER_AES_KEY" , "{TEXT}" );
define('VPMANAGER_AES_KEY', 'second');
DEFINE('VPMANAGER_AES_IV','{IV}');
"""


def test_every_form_gives_the_same_key() -> None:
    assert from_base64(TEXT, IV.encode() + b"\n", source="x") == KEY
    assert from_gui_json(to_gui_json(KEY), source="x") == KEY
    assert from_sniffer_conf(CONF.encode(), source="x") == KEY
    assert from_gui_php(PHP.encode(), source="x") == KEY


def test_files_without_a_key_have_none() -> None:
    assert from_sniffer_conf(b"#manager_aes_key = x\nmanager_aes_iv =\n", source="x") is None
    assert from_gui_php(b"<?php\ndefine('X', 'y');", source="x") is None


@pytest.mark.parametrize("content", [b"", b"[]", b'"text"', b"{"])
def test_what_is_no_json_object_is_told(content: bytes) -> None:
    with pytest.raises(ConfigError, match="system row: expected a JSON object with key and iv"):
        from_gui_json(content, source="system row")


def test_half_a_key_is_told() -> None:
    with pytest.raises(ConfigError, match="conf: manager_aes_iv: missing"):
        from_sniffer_conf(f"manager_aes_key = {TEXT}".encode(), source="conf")
    with pytest.raises(ConfigError, match="row: key: missing"):
        from_gui_json(b'{"iv":"x"}', source="row")


def test_what_is_no_base64_is_told_without_the_key() -> None:
    with pytest.raises(ConfigError, match=r"row: key and iv: expected base64 texts"):
        from_gui_json(b'{"key": 1, "iv": [1]}', source="row")
    with pytest.raises(ConfigError, match=r"^x: key: not base64$"):
        from_base64("se cret", IV, source="x")
    with pytest.raises(ConfigError, match=r"^x: iv: not base64$"):
        from_base64(TEXT, "sécret", source="x")
    with pytest.raises(ConfigError, match=r"^x: the sniffer's key has 6 bytes"):
        from_base64("c2VjcmV0", IV, source="x")


def test_long_keys_come_back_as_they_are() -> None:
    long = SnifferKey(bytes(40), bytes(16))
    assert from_gui_json(to_gui_json(long), source="x") == long
