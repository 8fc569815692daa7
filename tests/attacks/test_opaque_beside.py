"""A file that nobody can read beside the files of each kind of store; the twin is what anybody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from expunge import survey
from expunge.core.values.order import OrderState
from expunge.servers.postgres import PostgresServer
from tests.attacks.mention_company import ANNA, CUSTOMERS_SET, MentionCompany, company
from tests.attacks.test_by_place_parquet import CUSTOMERS, VISITS, Lake, visits
from tests.attacks.test_by_place_vectors import ROWS, built, index, write
from tests.attacks.test_opaque import age, cannot_tell, jpeg


def lake(folder: Path, _: pytest.FixtureRequest, __: ExitStack) -> tuple[MentionCompany, Path]:
    made = company(folder / "company", CUSTOMERS, f"{CUSTOMERS_SET}}}", VISITS, lake=True)
    Lake(made).write("visits/monday.parquet", visits())
    return made, made.folder / "world" / "lake" / "old"


def lance(folder: Path, _: pytest.FixtureRequest, __: ExitStack) -> tuple[MentionCompany, Path]:
    clips = "clips: {store: vectors, table: clips, subject: {customer: customer}, retention: life}"
    made = built(folder, "vectors: {kind: lancedb, url: ./world/db}", clips)
    write(made, "clips", ROWS)
    return made, made.folder / "world" / "db" / "clips.lance" / "data"


def faiss(folder: Path, _: pytest.FixtureRequest, __: ExitStack) -> tuple[MentionCompany, Path]:
    voices = "voices: {store: vectors, path: 'voices/{part}.faiss', subject: {customer: customer}, retention: life}"
    made = built(folder, "vectors: {kind: faiss, url: ./world/faiss}", voices)
    index(made, "voices/2026-08-12", ROWS)
    return made, made.folder / "world" / "faiss" / "voices"


def postgres(folder: Path, request: pytest.FixtureRequest, after: ExitStack) -> tuple[MentionCompany, Path]:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.database("opaque_beside")
    after.callback(server.drop, "opaque_beside")
    return company(folder / "company", CUSTOMERS, f"{CUSTOMERS_SET}}}", server=url), server.data / "base"


STORES = {"parquet": lake, "lancedb": lance, "faiss": faiss, "postgres": postgres}
Made = tuple[MentionCompany, Path]


@pytest.fixture
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    build: Callable[[Path, pytest.FixtureRequest, ExitStack], Made] = STORES[request.param]
    with ExitStack() as after:
        yield build(tmp_path, request, after)


def lies(folder: Path, name: str, data: bytes) -> Callable[[], None]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path.unlink


@pytest.mark.parametrize(
    "made", [each if each == "parquet" else pytest.param(each, marks=pytest.mark.soak) for each in STORES], indirect=True
)
def test_a_stray_file_that_nobody_can_read_is_not_clean_until_the_map_declares_it(made: Made) -> None:
    home, folder = made
    with ExitStack() as after:
        after.callback(lies(folder, "export.age", age()))
        run = home.erase(f"customer:{ANNA}")
        assert cannot_tell(run), run.reasons
        lines = [each.mend for each in survey.check(home.map).findings if "opaque:" in each.mend and "export.age" in each.mend]
        assert len(lines) == 1
        home.map.write_text(f"{home.map.read_text()}opaque:\n  {lines[0]}\n")
        run = home.again(run)
        assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.soak
@pytest.mark.parametrize("made", STORES, indirect=True)
def test_a_stray_picture_is_in_nobodys_way(made: Made) -> None:
    home, folder = made
    with ExitStack() as after:
        after.callback(lies(folder, "photo.jpg", jpeg()))
        run = home.erase(f"customer:{ANNA}")
        assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
