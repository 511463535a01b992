# What amp uses of google-re2, which ships no types.

class error(Exception): ...  # noqa: N801, N818 - re2's own name

class Options:
    class Encoding:
        LATIN1: Options.Encoding
        UTF8: Options.Encoding

    max_mem: int
    encoding: Options.Encoding
    posix_syntax: bool
    longest_match: bool
    log_errors: bool
    literal: bool
    never_nl: bool
    dot_nl: bool
    never_capture: bool
    case_sensitive: bool
    perl_classes: bool
    word_boundary: bool
    one_line: bool

class _Match:
    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...

class _Regexp:
    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> _Match | None: ...
    def fullmatch(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> _Match | None: ...

def compile(pattern: bytes, options: Options | None = None) -> _Regexp: ...  # noqa: A001 - re2's own name
