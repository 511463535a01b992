"""What was found on amp's own machine, judged: permissions of files, places of listeners, descriptors."""

from __future__ import annotations

from typing import Final

from amp.core.doctor.finding import Finding, fail, ok, warn

__all__ = ["judge_descriptors", "judge_mode", "judge_port"]

OTHERS_WRITE: Final = 0o002
OTHERS_READ: Final = 0o004


def judge_mode(subject: str, mode: int, *, secret: bool) -> Finding:
    """Who may read and write a file.

    Args:
        mode: its permissions.
        secret: whether it holds a secret.
    """
    shown = f"mode {mode & 0o7777:04o}"
    if mode & OTHERS_WRITE:
        return fail("file", subject, f"{shown}: every user of this machine may change it", "chmod o-w")
    if secret and mode & OTHERS_READ:
        return warn(
            "file", subject, f"{shown}: every user of this machine may read the secret in it", "chmod o-r"
        )
    return ok("file", subject, shown)


def judge_port(subject: str, problem: str, holder: str) -> Finding:
    """Whether a listener's place can be had.

    Args:
        problem: why not, in the system's words; ``""`` if it can.
        holder: the process that listens there, as its command line begins; ``""`` if it cannot be told.
    """
    if not problem:
        return ok("port", subject, "free")
    if _is_amp(holder):
        return ok("port", subject, f"amp itself listens there ({holder})")
    if holder:
        return fail("port", subject, f"{problem}: {holder}", "end that process, or choose another port")
    advice = "if that is not amp itself: see who it is with ss -ltnp, run as root"
    return warn("port", subject, problem, advice)


def judge_descriptors(limit: int, wanted: int) -> Finding:
    """Whether there are enough for all clients and links.

    Args:
        limit: how many the process may raise its own limit to.
        wanted: how many it takes if every limit of the configuration is used up.
    """
    if limit >= wanted:
        return ok("descriptors", "amp", f"{limit}, at most {wanted} are needed")
    found = f"{limit}, but all connections together may need {wanted}"
    advice = "raise LimitNOFILE= (systemd) or ulimit -Hn, or lower limits.connections"
    return warn("descriptors", "amp", found, advice)


def _is_amp(holder: str) -> bool:
    words = holder.split()
    return "run" in words and any(word == "amp" or word.endswith("/amp") for word in words)
