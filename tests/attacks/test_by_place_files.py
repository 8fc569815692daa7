"""In folders, a hit is explained by the item of the file, line or record in which it lies, whoever else holds the same words somewhere."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import zstandard

from expunge import clock, stores
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.stores.files.kind import KIND
from expunge.stores.files.store import Files
from tests.engine.household import ANNA, BELA, CARA, DINO, SAID, Household, build

SENTENCE = SAID[ANNA][0]
QUOTE = f"my sister always says: {SENTENCE}, and it is true"


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def file(home: Household, name: str, data: bytes | str) -> Path:
    path = home.world / "lake" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def line(profile: str | None, said: str, **more: object) -> bytes:
    return json.dumps({"profile_id": profile, "said": said, **more}).encode() + b"\n"


def events(home: Household, *lines: bytes, name: str = "events/2026-06-01.jsonl.gz") -> Path:
    """One more day of the declared events."""
    return file(home, name, gzip.compress(b"".join(lines), mtime=0))


def quoted_by_bela(home: Household) -> Path:
    return events(home, line(CARA, SAID[CARA][1]), line(BELA, QUOTE))


def declares(home: Household, name: str, body: str, more: str = "") -> None:
    home.write_map(more=f"  {name}: {{{body}, retention: life}}\n{more}")


def fulfilled(run: Run) -> None:
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def residue(home: Household, run: Run) -> set[str]:
    """The names of the files that the operator is shown."""
    assert run.state is OrderState.IN_PART
    with home.open() as opened:
        return {Path(place.path).name for place in opened.residue(run.order)}


# --- strays: another customer quotes the sentence in a declared item, and that excuses nothing elsewhere ------------------------------

STRAYS = [
    ("notes.txt", SENTENCE.encode()),
    ("events/2026-05-01.jsonl.bak", line(ANNA, SENTENCE)),
    ("events/2026-05-01.jsonl.gz.1", gzip.compress(line(ANNA, SENTENCE), mtime=0)),
    ("scratch/keep.me", SENTENCE.encode()),
    ("tmp/notes.utf16", SENTENCE.encode("utf-16")),
    (f"drafts/{SENTENCE}.txt", b"nothing of interest is in here"),
    (f"{SENTENCE}/readme", b"nothing of interest is in here"),
]


@pytest.mark.parametrize(("name", "data"), STRAYS)
def test_a_stray_copy_in_an_undeclared_file_is_residue_although_another_customer_quotes_it(home: Household, name: str, data: bytes) -> None:
    quoted_by_bela(home)
    file(home, name, data)
    stray = Path(name).name if SENTENCE not in str(Path(name).parent) else str(Path(name).parent)
    assert residue(home, home.erase(f"profile:{ANNA}")) == {stray}


def test_a_stray_copy_in_an_ignored_folder_is_residue_although_another_customer_quotes_it(home: Household) -> None:
    quoted_by_bela(home)
    file(home, "scratch/notes.txt", SENTENCE)
    home.write_map(more='ignore:\n  - {store: lake, path: "scratch/**", reason: scratch space of the application}\n')
    assert residue(home, home.erase(f"profile:{ANNA}")) == {"notes.txt"}


def test_a_line_without_an_owner_explains_no_more_than_what_living_people_have_word_for_word(home: Household) -> None:
    events(home, line(BELA, QUOTE), line(None, f"{QUOTE}!"), name="events/2026-06-01.jsonl.gz")
    assert residue(home, home.erase(f"profile:{ANNA}")) == {"2026-06-01.jsonl.gz"}


def test_a_plain_line_without_an_owner_beside_the_quote_explains_nothing(home: Household) -> None:
    path = file(home, "log/all.jsonl", line(BELA, QUOTE) + line(None, SENTENCE) + line(CARA, SAID[CARA][0]))
    declares(home, "log", "store: lake, path: log/all.jsonl, format: jsonl, subject: {profile: profile_id}")
    assert residue(home, home.erase(f"profile:{ANNA}")) == {path.name}


def test_text_of_a_document_that_no_entry_quotes_is_residue(home: Household) -> None:
    members = [json.loads(line(BELA, SAID[BELA][0])), json.loads(line(ANNA, SENTENCE))]
    path = file(home, "crew.json", json.dumps({"note": SENTENCE, "members": members}))
    quoted_by_bela(home)
    declares(home, "crew", "store: lake, path: crew.json, format: json, records: members, subject: {profile: profile_id}")
    assert residue(home, home.erase(f"profile:{ANNA}")) == {path.name}


def test_a_file_that_fits_the_pattern_and_leads_to_nobody_explains_nothing(home: Household) -> None:
    quoted_by_bela(home)
    file(home, "said/rec-of-nobody.txt", QUOTE)
    declares(home, "said", 'store: lake, path: "said/{recording_id}.txt", subject: {through: voice, via: recording_id}')
    assert residue(home, home.erase(f"profile:{ANNA}")) == {"rec-of-nobody.txt"}


def test_a_further_name_of_a_declared_file_is_a_place_of_its_own(home: Household) -> None:
    path = file(home, f"said/{BELA}.txt", QUOTE)
    os.link(path, home.world / "lake" / "second-name.txt")
    declares(home, "said", 'store: lake, path: "said/{profile_id}.txt", subject: {profile: profile_id}')
    assert residue(home, home.erase(f"profile:{ANNA}")) == {"second-name.txt"}


def test_every_place_is_explained_not_the_first_few(home: Household) -> None:
    events(home, *(line(BELA, f"{number}: {QUOTE}") for number in range(50)), line(None, QUOTE))
    assert residue(home, home.erase(f"profile:{ANNA}")) == {"2026-06-01.jsonl.gz"}


def test_a_header_of_a_compressed_file_is_no_record(home: Household) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(filename=SENTENCE, fileobj=packed, mode="wb", mtime=0) as out:
        out.write(line(BELA, QUOTE))
    events_of_the_day = file(home, "events/2026-06-01.jsonl.gz", packed.getvalue())
    assert residue(home, home.erase(f"profile:{ANNA}")) == {events_of_the_day.name}


@pytest.mark.parametrize("more", [b"", line(None, SAID[ANNA][1]), line(BELA, f"ask {ANNA} about it")])
def test_records_that_are_held_cover_no_other_line_of_the_same_file(home: Household, more: bytes) -> None:
    events(home, line(ANNA, "something else"), line(BELA, SAID[ANNA][1]), more)
    with home.open() as opened:
        until = clock.now() + timedelta(days=9)
        opened.holds.place(opened.resolve(f"profile:{ANNA}"), "events", ground="matter 7", authority="court", until=until, items=())
    assert residue(home, home.erase(f"profile:{ANNA}")) == ({"2026-06-01.jsonl.gz"} if more else set())


# --- twins: the same quotes, and nothing is left but what belongs to who quotes --------------------------------------------------


def test_a_quote_in_a_packed_line_is_explained_by_the_line(home: Household) -> None:
    quoted_by_bela(home)
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert home.search(QUOTE) != [], "it is another customer's"


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("all.jsonl", 0),
        ("all.jsonl.gz", 0),
        ("all.jsonl.gz", 6),
        pytest.param("all.jsonl.zst", 0, marks=pytest.mark.soak),
        ("all.jsonl.zst", 6),
    ],
)
def test_quotes_among_many_lines_are_explained(home: Household, name: str, level: int) -> None:
    lines = [line((BELA, CARA, DINO)[n % 3], f"{n}: {QUOTE if n % 50 == 0 else SAID[DINO][1]}") + b"\n" * (n % 7 == 0) for n in range(3000)]
    halves = b"".join(lines[:1500]), b"".join(lines[1500:])
    packed = {
        "jsonl": lambda data: data,
        "gz": lambda data: gzip.compress(data, compresslevel=level, mtime=0),
        "zst": zstandard.ZstdCompressor(level=level or -5).compress,
    }[name.rpartition(".")[2]]
    file(home, name, packed(halves[0]) + packed(line(ANNA, SENTENCE) + halves[1]))
    declares(home, "log", f"store: lake, path: {name}, format: jsonl, subject: {{profile: profile_id}}")
    fulfilled(home.erase(f"profile:{ANNA}"))


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "latin-1"])
def test_a_quote_in_a_cell_with_line_breaks_is_explained_by_its_record(home: Household, codec: str) -> None:
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=";")
    rows.writerow(["profile_id", "said"])
    rows.writerows(
        [(CARA, 'she said "no"; \r\n then: été'), (ANNA, SENTENCE), (BELA, f'one\n"two"\n{QUOTE}\n;four'), (DINO, SAID[DINO][0])]
    )
    file(home, "said.csv", text.getvalue().encode(codec))
    encoding = ", encoding: latin-1" if codec == "latin-1" else ""
    declares(home, "said", f"store: lake, path: said.csv, format: csv{encoding}, subject: {{profile: profile_id}}")
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert QUOTE in (home.world / "lake" / "said.csv").read_bytes().decode(codec)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("crew.json", "utf-8"),
        ("crew.json.gz", "utf-16"),
        pytest.param("crew.json", "utf-16", marks=pytest.mark.soak),
        pytest.param("crew.json.gz", "utf-8", marks=pytest.mark.soak),
    ],
)
def test_a_quote_in_an_entry_of_a_list_is_explained_by_the_entry(home: Household, codec: str, name: str) -> None:
    teams = [
        {"t": n, "members": [{"profile_id": who, "said": f"é {n} {said}"} for who, said in pairs]}
        for n, pairs in enumerate([[(CARA, "hm [,]"), (ANNA, SENTENCE)], [], [(BELA, QUOTE), (DINO, SAID[DINO][0])]])
    ]
    data = json.dumps({"teams": teams}, indent=1, ensure_ascii=False).encode(codec)
    file(home, name, gzip.compress(data, mtime=0) if name.endswith("gz") else data)
    declares(home, "crew", f"store: lake, path: {name}, format: json, records: teams.members, subject: {{profile: profile_id}}")
    fulfilled(home.erase(f"profile:{ANNA}"))


def test_a_member_of_a_record_of_several_people_stays_with_what_the_record_says(home: Household) -> None:
    file(home, "groups.jsonl", b'{"title": "%s", "members": ["%s", "%s"]}\n' % (SENTENCE.encode(), ANNA.encode(), CARA.encode()))
    declares(home, "groups", "store: lake, path: groups.jsonl, format: jsonl, subject: {profile: members}")
    fulfilled(home.erase(f"profile:{ANNA}"))


def test_a_quote_in_a_whole_file_and_in_what_lies_beside_it_is_explained_by_the_item(home: Household) -> None:
    file(home, f"said/{BELA}.txt", QUOTE)
    file(home, f"said/{CARA}.txt", SAID[CARA][0])
    file(home, "meta/1.json", line(BELA, QUOTE))
    file(home, f"said/{ANNA}.txt", SENTENCE)
    home.write_map(
        more='  said: {store: lake, path: "said/{profile_id}.txt", subject: {profile: profile_id}, retention: life}\n'
        '  meta: {store: lake, path: "meta/{n}.json", format: json, subject: {profile: profile_id}, retention: life}\n'
    )
    fulfilled(home.erase(f"profile:{ANNA}"))


def test_names_belong_to_the_items_below_them(home: Household) -> None:
    name = "the purple hedgehog sleeps"
    for who in (ANNA, BELA):
        file(home, f"by-topic/{name}/{who}/{name}.txt", f"{who}: {SAID[who][0]}")
    file(home, f"logs/{name}.jsonl", line(ANNA, name) + line(CARA, SAID[CARA][0]))
    home.write_map(
        more='  topics: {store: lake, path: "by-topic/{topic}/{profile_id}/{title}.txt", subject: {profile: profile_id}, retention: life}\n'
        '  logs: {store: lake, path: "logs/{topic}.jsonl", format: jsonl, subject: {profile: profile_id}, retention: life}\n'
    )
    fulfilled(home.erase(f"profile:{ANNA}"))


def test_values_that_frame_and_entries_of_a_document_share_are_the_entries(home: Household) -> None:
    shared = "exporter of the northern office, edition 2026b"
    entries = [{"profile_id": who, "by": shared, "said": SAID[who][0]} for who in (ANNA, BELA)]
    file(home, "crew.json", json.dumps({"by": shared, "members": entries}))
    declares(home, "crew", "store: lake, path: crew.json, format: json, records: members, subject: {profile: profile_id}")
    fulfilled(home.erase(f"profile:{ANNA}"))


def test_an_ignored_folder_with_other_peoples_text_changes_nothing(home: Household) -> None:
    quoted_by_bela(home)
    file(home, "scratch/notes.txt", SAID[CARA][1])
    home.write_map(more='ignore:\n  - {store: lake, path: "scratch/**", reason: scratch space of the application}\n')
    fulfilled(home.erase(f"profile:{ANNA}"))


class Unplaced(Files):
    """A kind that reads no items by their places, as a package of somebody else's may bring it."""

    KIND = replace(KIND, inside_others=True)
    holds = layout = nominated = None


def test_a_store_of_another_kind_below_the_folder_is_asked_as_before(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stores.REGISTRY, "unplaced", Unplaced)
    quoted_by_bela(home)
    file(home, "inner/all.jsonl", line(BELA, QUOTE) + line(ANNA, SENTENCE))
    declares(home, "inner", "store: inner, path: all.jsonl, format: jsonl, subject: {profile: profile_id}")
    home.map.write_text(home.map.read_text().replace("  lake:", "  inner: {kind: unplaced, url: ./world/lake/inner}\n  lake:", 1))
    fulfilled(home.erase(f"profile:{ANNA}"))
