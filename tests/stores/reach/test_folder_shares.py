"""What shares a folder: tables of NFS, Samba and mounts as their manuals have them; what cannot be read is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from expunge.ports.review.ways_in import Way, WayIn, WayUnseen
from expunge.stores.reach.folder_shares import MOUNTS, shares_of

_MOUNTED = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


def _told(tmp_path: Path, folder: str = "/srv/media", mounts: str = _MOUNTED, **files: str) -> list[Way]:
    (tmp_path / "etc" / "samba").mkdir(parents=True)
    (tmp_path / "etc" / "exports.d").mkdir()
    for name, text in files.items():
        (tmp_path / "etc" / name.replace("__", "/").replace("_", ".")).write_text(text)
    (tmp_path / "mounts").write_text(mounts)
    return list(shares_of(Path(folder), configuration=tmp_path / "etc", mounts=tmp_path / "mounts"))


@pytest.mark.parametrize(
    ("exports", "who"),
    [
        ("/srv/media *(ro)", "every host"),
        ("/srv 10.0.0.0/8(rw) desk.example(ro)", "10.0.0.0/8, desk.example"),
        ("/srv/media/voice desk.example", "desk.example"),
        ("# /srv/media *(ro)\n/srv/other *(ro)", ""),
        ('"/srv/media" -ro,\\\n desk.example', "desk.example"),
        ("/srv/mediaplayer *(ro)", ""),
    ],
)
def test_exports_of_nfs(tmp_path: Path, exports: str, who: str) -> None:
    found = _told(tmp_path, exports=exports)
    assert [each for each in found if not isinstance(each, WayIn)] == []
    assert [who in each.who for each in found if isinstance(each, WayIn)] == ([True] if who else [])


def test_exports_in_the_folder_beside(tmp_path: Path) -> None:
    assert len(_told(tmp_path, exports_d__media_exports="/srv/media *(ro)")) == 1


@pytest.mark.parametrize(
    ("share", "who"),
    [
        ("[media]\n  path = /srv/media\n  guest ok = yes", "every machine, without a login"),
        ("[media]\npath=/srv\n", "accounts of the share"),
        ("[global]\nworkgroup = HOME\n[homes]\npath = /home/%U\n", ""),
        ("[mine]\npath = /srv/media/%U\n", "accounts of the share"),
    ],
)
def test_shares_of_samba(tmp_path: Path, share: str, who: str) -> None:
    found = _told(tmp_path, samba__smb_conf=share)
    assert [each.who for each in found if isinstance(each, WayIn)] == ([who] if who else [])


def test_the_same_files_mounted_at_another_place(tmp_path: Path) -> None:
    bound = _MOUNTED + "30 22 8:1 /srv/media /var/www/files rw - ext4 /dev/sda1 rw\n"
    (found,) = _told(tmp_path, mounts=bound)
    assert isinstance(found, WayIn)
    assert found.where == "/var/www/files"


def test_a_parent_mounted_at_another_place_leads_there_too(tmp_path: Path) -> None:
    bound = _MOUNTED + "30 22 8:1 /srv /mnt/all\\040files rw - ext4 /dev/sda1 rw\n"
    (found,) = _told(tmp_path, mounts=bound)
    assert isinstance(found, WayIn)
    assert found.where == "/mnt/all files/media"


def test_another_disk_at_another_place_is_none(tmp_path: Path) -> None:
    assert _told(tmp_path, mounts=_MOUNTED + "30 22 8:2 /srv/media /mnt/other rw - ext4 /dev/sdb1 rw\n") == []


def test_files_of_another_machine_are_said_to_be_unseen(tmp_path: Path) -> None:
    (found,) = _told(tmp_path, mounts=_MOUNTED + "30 22 0:44 / /srv/media rw - nfs4 files.example:/media rw\n")
    assert isinstance(found, WayUnseen)
    assert "nfs4" in found.what


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_table_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "exports").write_text("/srv *(ro)")
    (tmp_path / "etc" / "exports").chmod(0)
    found = list(shares_of(Path("/srv/media"), configuration=tmp_path / "etc", mounts=MOUNTS))
    assert any(isinstance(each, WayUnseen) and each.where.endswith("exports") for each in found)


def test_no_table_of_mounts_is_said(tmp_path: Path) -> None:
    (found,) = _told(tmp_path, mounts="")
    assert isinstance(found, WayUnseen)


def test_a_real_bind_mount_is_found(tmp_path: Path) -> None:
    """In a namespace of its own, where this machine lets one be made."""
    (tmp_path / "media").mkdir()
    (tmp_path / "again").mkdir()
    look = (
        "import sys; from pathlib import Path; from expunge.stores.reach.folder_shares import shares_of;"
        "print(*(each.where for each in shares_of(Path(sys.argv[1])) if hasattr(each, 'who')), sep='\\n')"
    )
    script = f'mount --bind "$1" "$2" && exec "{sys.executable}" -c "{look}" "$1"'
    made = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", tmp_path / "media", tmp_path / "again"], capture_output=True, text=True, check=False
    )
    if made.returncode and "Traceback" not in made.stderr:
        pytest.skip("this machine lets no namespace be made")
    assert made.stdout.split() == [str(tmp_path / "again")], made.stderr
