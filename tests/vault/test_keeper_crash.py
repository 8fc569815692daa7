"""The keeper is killed at every point of an opening, a read and an upload: no byte without an opening, and no half recording."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from expunge import durable
from expunge.bootstrap.vault.kept_vault import KeptVault
from expunge.maps import read_map
from expunge.ports.vault.vault_door import UploadClaim
from expunge.stores import Kinds
from tests.vault.doorbells import ANNA, BELA, path_of, speech
from tests.vault.kept_home import KeptHome, copy_kept

DATA = speech(0)[:50_000] * 30
"""More than one append, and more than one read."""


def vault(kept: KeptHome) -> KeptVault:
    return KeptVault(read_map(kept.map, {}, kinds=Kinds()), kept.door())


def reads(kept: KeptHome) -> None:
    """As a program does: from one end to the other. Whatever came is in the journal by then."""
    with vault(kept).open(f"doorbell/{path_of(BELA, 'r-1')}", purpose="look", program="viewer") as file:
        said = b""
        while part := file.read(600_000):
            with kept.open() as opened:
                assert any(each.program == "viewer" for each in opened.vault.openings()), "a byte came before its entry"
            said += part
    assert said == DATA


def sends(kept: KeptHome) -> None:
    """As a program does, with a stream that can be sent again."""
    taken = vault(kept).ingest("doorbell", path_of(ANNA, "r-1"), io.BytesIO(DATA))
    assert taken.recording.size == len(DATA)


def whole(kept: KeptHome) -> None:
    """Each recording that is there is whole, and nothing else can be read."""
    with kept.open() as opened:
        found = {each.name: each for each in opened.vault.recordings("doorbell")}
        for each in found.values():
            with opened.vault.open(f"doorbell/{each.name}", purpose="look") as file:
                assert file.read() == DATA
        library = opened.vault._library(opened.vault._dataset("doorbell"))
        named = {library.shelf.path(each.id) for each in found.values()}
        files = {path for path in kept.vault.rglob("*") if path.is_file()}
        assert named <= files
        assert all(path.name.startswith(durable.TEMPORARY_PREFIX) for path in files - named)
        library.scrub()
        assert {path for path in kept.vault.rglob("*") if path.is_file()} == named
    assert kept.places(DATA) == []


STORIES = (reads, sends)


def prepared(template: KeptHome, folder: Path) -> KeptHome:
    kept = copy_kept(template, folder)
    kept.ring(BELA, "r-1", DATA)
    return kept


@pytest.fixture(scope="module")
def filled(empty_kept: KeptHome, tmp_path_factory: pytest.TempPathFactory) -> KeptHome:
    """With a recording of one person; never changed."""
    return prepared(empty_kept, tmp_path_factory.mktemp("filled") / "home")


def points(story: Callable[[KeptHome], None], filled: KeptHome, folder: Path) -> list[tuple[str, int]]:
    """The first pass, and the last, of a story through each failpoint in the keeper: (name, how manieth)."""
    with copied(filled, folder) as kept:
        kept.start(recorded=True)
        story(kept)
        names = [each for each in kept.stop().returned() if not each.startswith("keeper.socket")]
        kept.child = None
    return [(name, at) for name in dict.fromkeys(names) for at in sorted({1, names.count(name)})]


@contextlib.contextmanager
def copied(filled: KeptHome, folder: Path) -> Iterator[KeptHome]:
    """A fresh installation, whose keeper ends with the block."""
    kept = copy_kept(filled, folder)
    try:
        yield kept
    finally:
        kept.end()


def killed(story: Callable[[KeptHome], None], kept: KeptHome, point: tuple[str, int]) -> None:
    """A story whose keeper is killed at a point, and started again; the story goes on by itself."""
    failed: list[BaseException] = []
    name, count = point
    first = kept.start((name, "kill", count)).child
    assert first is not None
    restarted = False

    def tell() -> None:
        try:
            story(kept)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        if not restarted:
            os.kill(first.pid, signal.SIGTERM)

    telling = threading.Thread(target=tell)
    telling.start()
    died = first.wait()
    restarted = True
    kept.start()
    telling.join(60)
    assert not telling.is_alive()
    assert not failed, (point, failed)
    assert died.killed_by == signal.SIGKILL, f"{name}@{count} was not passed"
    whole(kept)


@pytest.mark.soak
@pytest.mark.parametrize("story", STORIES, ids=lambda each: each.__name__)
def test_killed_at_every_point_it_goes_on(filled: KeptHome, tmp_path: Path, story: Callable[[KeptHome], None]) -> None:
    """The program notices nothing but the time that it took."""
    wanted = points(story, filled, tmp_path / "scratch")
    assert len({name for name, _ in wanted}) >= 6, wanted
    for number, point in enumerate(wanted):
        with copied(filled, tmp_path / str(number)) as kept:
            killed(story, kept, point)


@pytest.mark.parametrize(
    ("story", "name"),
    [
        (reads, "journal.register:before"),
        (reads, "journal.register:after"),
        (sends, "vault.ingest.swap:before"),
        (sends, "vault.ingest.swap:after"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_killed_around_what_counts_it_goes_on(filled: KeptHome, tmp_path: Path, story: Callable[[KeptHome], None], name: str) -> None:
    with copied(filled, tmp_path / "home") as kept:
        killed(story, kept, (name, 1))


@pytest.mark.parametrize(
    ("story", "counts"),
    [(reads, (1, 2)), (sends, (1, 2, 3, 4)), pytest.param(reads, (3, 4, 5), marks=pytest.mark.soak)],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_a_lost_answer_is_asked_for_again_and_means_the_same(
    filled: KeptHome, tmp_path: Path, story: Callable[[KeptHome], None], counts: tuple[int, ...]
) -> None:
    """The keeper did it, and the answer did not arrive: one entry, and each byte once."""
    for count in counts:
        with copied(filled, tmp_path / str(count)) as kept:
            kept.start(("keeper.answer:before", "lost", count))
            story(kept)
            with kept.open() as opened:
                assert len(opened.vault.openings()) == (story is reads)
            kept.stop()
            kept.child = None
            whole(kept)


def test_a_keeper_that_dies_in_an_upload_leaves_bytes_that_nobody_can_read(filled: KeptHome, tmp_path: Path) -> None:
    """What was appended is sealed on the disk, and in no table; the upload begins anew at 0."""
    with copied(filled, tmp_path / "home") as kept:
        door, claim = kept.start().door(), UploadClaim(secrets.token_hex(16), "doorbell", path_of(ANNA, "r-1"))
        assert door.begin_upload(claim) == 0
        assert door.append_upload(claim.upload, 0, DATA[:600_000]) == 600_000
        kept.kill()
        (left,) = (path for path in kept.vault.rglob(f"{durable.TEMPORARY_PREFIX}*"))
        assert left.stat().st_size > 500_000
        assert kept.places(DATA) == []
        kept.start()
        assert door.begin_upload(claim) == 0
        door.drop_upload(claim.upload)
        whole(kept)
