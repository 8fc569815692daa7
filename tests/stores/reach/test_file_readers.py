"""Who could read files: what modes and access lists say is what another account really can."""

from __future__ import annotations

import os
import pwd
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from expunge.ports.review.ways_in import WayIn, WayUnseen
from expunge.stores.reach import file_readers
from expunge.stores.reach.file_readers import EVERYONE, ways_to

STRANGER, COLLEAGUE = "nobody", "daemon"
"""Accounts of every Linux, without rights of their own."""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other accounts and reads as one")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account passes, with a recording that its owner alone reads."""
    made = Path(tempfile.mkdtemp(prefix="expunge-readers-"))
    made.chmod(0o755)
    (made / "voice" / "kim").mkdir(parents=True)
    (made / "voice" / "kim" / "rec-1.wav").write_bytes(b"RIFF")
    for each in (made / "voice", made / "voice" / "kim"):
        each.chmod(0o755)
    (made / "voice" / "kim" / "rec-1.wav").chmod(0o600)
    yield made
    shutil.rmtree(made)


def _file(folder: Path) -> Path:
    return folder / "voice" / "kim" / "rec-1.wav"


def _listed(path: Path, *entries: tuple[int, int, int]) -> None:
    """Give a file an access list (acl(5)): entries of tag, rights and number."""
    nobody = 0xFFFFFFFF
    usual = [(1, 6, nobody), (4, 0, nobody), (0x10, 7, nobody), (0x20, 0, nobody)]
    told = sorted([*(each for each in usual if each[0] not in {tag for tag, _, _ in entries}), *entries])
    os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in told))


def _number(account: str) -> int:
    return pwd.getpwnam(account).pw_uid


def _group(account: str) -> int:
    return pwd.getpwnam(account).pw_gid


CASES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "its owner alone": (lambda folder: None, set()),
    "everyone": (lambda folder: _file(folder).chmod(0o644), {STRANGER, COLLEAGUE}),
    "everyone, below a folder that is closed": (
        lambda folder: (_file(folder).chmod(0o644), (folder / "voice").chmod(0o700)), set()
    ),
    "a group": (lambda folder: (os.chown(_file(folder), 0, _group(COLLEAGUE)), _file(folder).chmod(0o640)), {COLLEAGUE}),
    "a group, below a folder of the group": (
        lambda folder: (
            os.chown(folder / "voice", 0, _group(COLLEAGUE)), (folder / "voice").chmod(0o750), _file(folder).chmod(0o644)
        ),
        {COLLEAGUE},
    ),
    "a group, below a folder of another": (
        lambda folder: (
            os.chown(folder / "voice", 0, _group(STRANGER)), (folder / "voice").chmod(0o750),
            os.chown(_file(folder), 0, _group(COLLEAGUE)), _file(folder).chmod(0o640),
        ),
        set(),
    ),
    "an access list": (lambda folder: _listed(_file(folder), (2, 4, _number(STRANGER))), {STRANGER}),
    "an access list whose mask takes it away": (
        lambda folder: _listed(_file(folder), (2, 4, _number(STRANGER)), (0x10, 0, 0xFFFFFFFF)), set()
    ),
    "an access list with a group": (lambda folder: _listed(_file(folder), (8, 4, _group(COLLEAGUE))), {COLLEAGUE}),
    "another owner": (lambda folder: os.chown(_file(folder), _number(COLLEAGUE), 0), {COLLEAGUE}),
}  # fmt: skip


@needs_root
@pytest.mark.parametrize("case", list(CASES))
def test_who_is_told_is_who_can(folder: Path, case: str) -> None:
    change, expected = CASES[case]
    change(folder)
    told = [each for each in ways_to(folder) if isinstance(each, WayIn) and not each.own]
    assert {STRANGER, COLLEAGUE} & set().union(*(each.accounts for each in told)) == expected
    assert bool(told) is bool(expected)
    for account in (STRANGER, COLLEAGUE):
        really = subprocess.run(
            ["/bin/cat", _file(folder)], user=account, group=_group(account), extra_groups=[], capture_output=True, check=False
        )
        assert (really.stdout == b"RIFF") is (account in expected), (account, really.stderr)


def test_everyone_is_told_by_its_own_name_and_the_service_as_a_matter_of_course(folder: Path) -> None:
    _file(folder).chmod(0o644)
    found = [each for each in ways_to(folder) if isinstance(each, WayIn)]
    assert [each.who for each in found if not each.own] == [EVERYONE]
    assert all("expunge vault adopt" in each.mend for each in found if not each.own)
    assert {file_readers.account_of(os.geteuid()), "root"} <= {name for each in found if each.own for name in each.accounts}


def test_what_was_not_looked_at_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (folder / f"more-{number}.wav").write_bytes(b"RIFF")
    monkeypatch.setattr(file_readers, "MOST_LOOKED_AT", 3)
    assert any("beyond the first 3" in each.what for each in ways_to(folder) if isinstance(each, WayUnseen))


def test_a_folder_that_is_not_there_has_no_readers(tmp_path: Path) -> None:
    assert list(ways_to(tmp_path / "none")) == []
