"""What a comparison's command left behind, and what it means where that is not what serves."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import file_digest, sha256
from pathlib import Path

from expunge.core.models.model_outcomes import ArtefactRemade
from expunge.core.values.outcome import Reason, Unable


def digests_in(out: Path) -> tuple[str, ...]:
    """Return the digest of one file, or of every file in a folder; none where a part of it is but another name of what lies elsewhere."""
    digests = []
    for each in files_in(out):
        with each.open("rb") as file:
            digests.append(file_digest(file, "sha256").hexdigest())
    return tuple(sorted(digests))


def files_in(out: Path) -> list[Path]:
    """Return one file, or every file in a folder; none where one of them is a link."""
    found = [out, *out.rglob("*")] if out.is_dir() and not out.is_symlink() else [out]
    files = [each for each in found if each.is_symlink() or each.is_file()]
    return [] if any(each.is_symlink() or each.stat().st_nlink > 1 for each in files) else files


def contradiction(now: ArtefactRemade) -> Unable:
    """Return what a comparison that differs shows, with both digests. A cause is named only where its two runs tell it."""
    there, fresh = _one(now.after), _one(now.fresh)
    if now.varies:
        text = f"two runs of the comparison differ from each other (sha256 {fresh} and {_one(now.again)}), and from what is there ({there})"
        mend = "have the training give the same twice, or compare by weights"
        return Unable(Reason.CANNOT_TELL, f"{now.dataset}: {text}: nothing is shown; {mend}")
    text = f"a training without them makes another (sha256 {fresh}) than is there ({there})"
    twice = ", twice" if now.again else "; a second run came to no end"
    return Unable(Reason.RESIDUE, f"{now.dataset}: {text}{twice}: look for a cache or a list that still has them")


def _one(digests: Sequence[str]) -> str:
    """The digest of one file; of several that of their digests, a line each, as ``sha256sum`` would take it; of none a dash."""
    if len(digests) <= 1:
        return "".join(digests) or "-"
    return sha256("".join(f"{each}\n" for each in digests).encode()).hexdigest()
