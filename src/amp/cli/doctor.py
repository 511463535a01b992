"""``amp doctor``: tries everything that a configuration names, and changes nothing anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from amp.cli.progress import Progress
from amp.cli.reading import config_path, load_or_tell, say

__all__ = ["doctor"]

INTERRUPTED: Final = 130


def doctor(
    config: Path | None = None,
    /,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
    timeout: Annotated[float, Parameter(validator=Number(gte=0.1, lte=600))] = 10.0,
) -> int:
    """Try everything that a configuration names, and say how it is and what to do.

    Servers are asked for what only reads, with one login each. Run it as the user that amp runs as.

    Parameters
    ----------
    config
        The configuration file (TOML); else AMP_CONFIG names it, else it is /etc/amp/amp.toml.
    json
        The findings as a JSON array, each with state, check, subject, found and advice.
    timeout
        Seconds that a connection or a login may take; shorter timeouts of the configuration hold.
    """
    path = config_path(config)
    loaded = load_or_tell(path)
    if loaded is None or path is None:
        return 2
    import trio

    from amp.core.doctor.report import exit_code, rows, table
    from amp.shell.doctor.everything import examine
    from amp.shell.log import configure

    configure("error")  # what goes wrong stands in the table
    findings = None
    try:
        with Progress("amp doctor:") as progress:
            findings = trio.run(
                examine, loaded, path, timeout, lambda done, total: progress.at(f"{done} of {total} places")
            )
    except* KeyboardInterrupt:
        pass
    if findings is None:
        return INTERRUPTED
    if json:
        import orjson

        say(orjson.dumps(rows(findings), option=orjson.OPT_INDENT_2).decode())
    else:
        say(*table(findings))
    return exit_code(findings)
