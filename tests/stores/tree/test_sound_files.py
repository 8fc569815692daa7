"""Lines that are passed over because the rest of a file is known to be sound: the same is found as by parsing every line."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Erased
from expunge.stores.files.store import Files
from expunge.stores.tree import sound_files
from expunge.stores.tree.folder_layout import FolderLayout

SPEC = StoreSpec("lake", "files", "")
EVENTS = Dataset(
    "events", "lake", ByField({"person": "who.id"}), "life", layout=PathLayout(("{day}.jsonl", "{day}.jsonl.gz")), format="jsonl"
)
MIA = "mia-1"


def opened(folder: Path) -> Files:
    return Files(StoreSpec("lake", "files", str(folder)), (EVENTS,))


def located(store: Files, *values: str) -> list[tuple[str, tuple[str, ...], int, int]]:
    selectors = [Selector(Pseudonym(value), {"who.id": frozenset({value})}) for value in values]
    return [(each.subject, each.keys, each.items, each.bytes) for each in store.locate(EVENTS, selectors)]


def near(store: Files, text: str) -> list[str]:
    return sorted({value for values in store.near(EVENTS, "who.id", [text]) for value in values})


def line(value: object, **more: object) -> bytes:
    return json.dumps({"who": {"id": value}, **more}).encode() + b"\n"


OTHERS = b"".join(line(f"other-{number}", said=f"{MIA} was here") for number in range(5))
SPELLINGS = {
    "as it is": line(MIA),
    "first letter by its number": line(MIA).replace(b"mia", b"\\u006dia"),
    "key by its number": line(MIA).replace(b'"id"', b'"\\u0069d"'),
    "in a list": line(["other-1", MIA]),
    "twice, the second hidden": b'{"who": {"id": "mia-1", "id": "other-1"}}\n',
    "no line end": line(MIA).rstrip(),
    "with a return": line(MIA).replace(b"\n", b"\r\n"),
    "as bytes of UTF-8": line(MIA, said="\u00fc").replace(b"\\u00fc", "\u00fc".encode()),
}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
def test_a_second_look_finds_what_the_first_found(tmp_path: Path, spelt: bytes, mark: bytes) -> None:
    for name, content in {"first": mark + spelt, "last": mark + OTHERS + spelt, "none": OTHERS}.items():
        (tmp_path / f"{name}.jsonl").write_bytes(content)
    store = opened(tmp_path)
    first = located(store, MIA)
    assert first[0][2] == 2
    assert located(store, MIA) == first
    assert located(store, MIA, "other-3") == located(opened(tmp_path), MIA, "other-3")
    assert near(store, MIA) == near(opened(tmp_path), MIA) == [MIA]


@pytest.mark.parametrize(("value", "written"), [("1000", b"1e3"), ("7", b"7.0"), ("true", b"true"), ("nan", b"NaN"), ("inf", b"Infinity")])
def test_numbers_that_are_written_otherwise_are_found_again(tmp_path: Path, value: str, written: bytes) -> None:
    (tmp_path / "day.jsonl").write_bytes(OTHERS + b'{"who": {"id": %b}}\n' % written)
    store = opened(tmp_path)
    first = located(store, value)
    assert first[0][2] == 1
    assert located(store, value) == first


@pytest.mark.parametrize("mark", ["utf-16", "utf-16-le"])
def test_other_encodings_are_read_line_by_line(tmp_path: Path, mark: str) -> None:
    text = (OTHERS + line(MIA)).decode()
    (tmp_path / "day.jsonl").write_bytes(("" if mark == "utf-16" else "\ufeff").join(["", text]).encode(mark))
    store = opened(tmp_path)
    first = located(store, MIA)
    assert first[0][2] == 1
    assert located(store, MIA) == first


@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
def test_damage_that_came_after_the_first_look_is_noticed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    pack = gzip.compress if name.endswith("gz") else bytes
    path.write_bytes(pack(OTHERS))
    store = opened(tmp_path)
    assert located(store, MIA) == []
    # as long as before: nothing but the content tells
    path.write_bytes(pack(OTHERS[:-3] + b"{{\n"))
    assert located(store, MIA)[0][1] == (name,)
    path.write_bytes(pack(OTHERS)[:-3])
    assert located(store, MIA)[0][1] == (name,)
    path.write_bytes(pack(OTHERS + line(MIA)))
    assert located(store, MIA)[0][2] == 1


def test_only_lines_that_can_hold_it_are_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "day.jsonl").write_bytes(OTHERS * 100 + line(MIA) + OTHERS)
    store = opened(tmp_path)
    first = located(store, "other-nobody"), located(store, "other-3")
    monkeypatch.setattr(FolderLayout, "read", lambda *_: pytest.fail("every line was parsed again"))
    assert (located(store, "other-nobody"), located(store, "other-3")) == first
    assert located(store, MIA)[0][2] == 1


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
def test_what_a_rewrite_leaves_is_known_to_be_sound_until_it_is_written_again(
    tmp_path: Path, name: str, mark: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    pack = gzip.compress if name.endswith("gz") else bytes
    path.write_bytes(pack(mark + OTHERS + line(MIA) + OTHERS * 100 + line(MIA).rstrip()))
    store = opened(tmp_path)
    erased = store.erase(EVENTS, [*store.locate(EVENTS, [Selector(Pseudonym(MIA), {"who.id": frozenset({MIA})})])], IdempotencyKey("once"))
    assert isinstance(erased[Pseudonym(MIA)], Erased)
    with monkeypatch.context() as patched:
        patched.setattr(FolderLayout, "read", lambda *_: pytest.fail("every line was parsed again"))
        assert located(store, MIA) == []
        assert located(store, "other-3")[0][2] == 101
        assert near(store, MIA) == []
    left = mark + OTHERS * 101
    assert (gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()) == left
    path.write_bytes(pack(left[:-3] + b"{{\n"))
    assert located(store, MIA)[0][1] == (name,)


def test_many_lines_and_long_ones_are_parsed_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in {"_MOST_LINES": 3, "_MOST_BYTES": 100, "_LINE_LIMIT": 10, "_BLOCK": 64, "_MOST_FILES": 0}.items():
        with monkeypatch.context() as patched:
            patched.setattr(sound_files, name, most)
            (tmp_path / "day.jsonl").write_bytes(OTHERS + line(MIA) * 5 + OTHERS)
            store = opened(tmp_path)
            first = located(store, MIA)
            assert first[0][2] == 5
            assert located(store, MIA) == first


values = st.one_of(
    st.sampled_from([MIA, MIA.upper(), f" {MIA}", f"{MIA}\t", "mia-10", "other", "\u017fmia-1", "m\u0131a-1"]),
    st.integers(),
    st.floats(),
    st.none(),
    st.lists(st.sampled_from([MIA, "other"]), max_size=2),
)


@given(st.lists(st.tuples(values, st.text(max_size=4), st.booleans()), max_size=12))
def test_whatever_a_file_holds_a_second_look_finds_the_same(records: list[tuple[object, str, bool]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = "".join(json.dumps({"who": {"id": value}, said: said}, ensure_ascii=plain) + "\n" for value, said, plain in records)
        (folder / "day.jsonl").write_bytes(content.encode("utf-8", "backslashreplace"))
        store = opened(folder)
        for text in (MIA, "other"):
            assert located(store, text) == located(store, text) == located(opened(folder), text)
            assert near(store, text) == near(opened(folder), text)
