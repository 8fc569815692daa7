"""Kinds of store declare themselves: the map's reader, ``open_store`` and the published reference ask no one else."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.errors import Misconfigured
from expunge.maps import examine
from expunge.maps.document import words
from expunge.ports.store_kind import NumberOption, StoreKind, TextOption, UrlForm, folder_url
from expunge.stores import REGISTRY, Kinds, open_store, own_kinds

MAP = """
version: 1
state: .expunge
identities: {{person: {{dataset: people, key: id}}}}
stores:
  mine: {store}
retention:
  life: {{period: 1 year, from: at, purpose: to know, need: for the answer}}
datasets:
  people: {{store: mine, {layout}, subject: {{person: id}}, retention: life}}
"""
PEOPLE = Dataset("people", "mine", ByField({"person": "id"}), "life", layout=TableLayout("people"))


class Tape:
    """Stands in the registry; nothing of it is called here."""

    KIND = StoreKind(
        layouts=("table",),
        url=UrlForm("a folder", "./tapes", folder_url, about="a folder"),
        options={"reel": NumberOption("the reel", "reel: 3", unit="reels", least=1), "room": TextOption("the room", "room: cellar", True)},
    )

    def __init__(self, spec, datasets):
        self.spec, self.datasets = spec, datasets

    def close(self):
        pass


def faults(folder, store, layout="table: people"):
    path = folder / "expunge.yaml"
    path.write_text(MAP.format(store=store, layout=layout))
    return [(fault.rule, fault.line, fault.write_instead) for fault in examine(path, {}, kinds=Kinds()).faults]


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(REGISTRY, "tape", Tape)


def test_the_declarations_can_be_read_without_any_client_library():
    program = (
        "import sys\n"
        "for name in ('psycopg', 'pyarrow', 'boto3', 'botocore', 'obstore', 'faiss', 'lancedb', 'lance', 'mlflow', 'numpy'):\n"
        "    sys.modules[name] = None\n"
        "from expunge.stores import own_kinds\n"
        "print(*own_kinds())"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == [kind for kind in REGISTRY if kind != "tape"]


def test_no_option_of_a_kind_has_the_name_of_a_key_that_every_store_has():
    for kind in own_kinds().values():
        assert not set(kind.options or ()) & set(words.STORE)
        assert kind.url is not None


def test_a_declaration_with_a_layout_that_maps_do_not_have_is_refused():
    with pytest.raises(ValueError, match="reel: layouts are table, path, model, experiment"):
        StoreKind(layouts=("reel",))


@pytest.mark.parametrize(
    ("store", "layout", "said"),
    [
        ("{kind: tape, url: ./tapes, room: cellar, reel: 2}", "table: people", []),
        ("{kind: tape, url: ./tapes, room: cellar}", "path: '{id}.txt'", [("layout-not-for-kind", 10, "table: ...")]),
        ("{kind: tape, url: 'tape://', room: cellar}", "table: people", [("bad-url", 6, "url: ./tapes")]),
        ("{kind: tape, url: ./tapes}", "table: people", [("missing-key", 6, "room: cellar")]),
        ("{kind: tape, url: ./tapes, room: cellar, real: 2}", "table: people", [("unknown-key", 6, "did you mean 'reel'?")]),
        ("{kind: tape, url: ./tapes, room: cellar, reel: 0}", "table: people", [("bad-option", 6, "reel: 3")]),
        ("{kind: tape, url: ./tapes, room: 7}", "table: people", [("bad-option", 6, "room: cellar")]),
        ("{kind: tap, url: ./tapes}", "table: people", [("unknown-kind", 6, "did you mean 'tape'?")]),
    ],
)
def test_the_reader_of_the_map_goes_by_the_declaration(tmp_path, store, layout, said):
    assert faults(tmp_path, store, layout) == said


@pytest.mark.parametrize(
    ("options", "said", "write"),
    [
        ({"room": "cellar", "real": 2}, "kind tape has no option real", "it has `reel`, `room`"),
        ({"room": "cellar", "reel": True}, "`reel` is no number of reels above 0", "reel: 3"),
        ({"room": 7}, "`room` is no text", "room: cellar"),
        ({}, "kind tape needs the option `room`", "room: cellar"),
    ],
)
def test_what_is_opened_without_a_map_is_held_to_the_same_declaration(tmp_path, options, said, write):
    with pytest.raises(Misconfigured) as caught:
        open_store(StoreSpec("mine", "tape", str(tmp_path), options), (PEOPLE,))
    assert (caught.value.message, caught.value.help) == (f"store mine: {said}", write)


def test_a_class_without_a_declaration_takes_anything(tmp_path, monkeypatch):
    class Plain:
        def __init__(self, spec, datasets):
            self.spec = spec

        def close(self):
            pass

    monkeypatch.setitem(REGISTRY, "plain", Plain)
    assert faults(tmp_path, "{kind: plain, url: ./here, anything: true}", "model: m") == []
    with closing(open_store(StoreSpec("mine", "plain", "there", {"anything": True}), (PEOPLE,))) as store:
        assert store.spec.options == {"anything": True}


def test_backups_hold_no_datasets(tmp_path):
    schedule = {"of": "app", "format": "files", "every": "1 day", "keep": "30 days"}
    text = ", ".join(f"{name}: {value}" for name, value in schedule.items())
    (fault,) = faults(tmp_path, f"{{kind: backup, url: ./backups, {text}}}")
    assert fault == ("layout-not-for-kind", 10, "declare the datasets in the store that is backed up; `of:` names it")
    with pytest.raises(Misconfigured, match="holds no datasets"):
        open_store(StoreSpec("mine", "backup", str(tmp_path), schedule), (PEOPLE,))
    for name, value in schedule.items():
        senseless = text.replace(f"{name}: {value}", f"{name}: 3")
        assert "bad-option" in [rule for rule, _, _ in faults(tmp_path, f"{{kind: backup, url: ./backups, {senseless}}}")]
        with pytest.raises(Misconfigured, match=f"needs the option `{name}`"):
            open_store(StoreSpec("mine", "backup", str(tmp_path), {key: schedule[key] for key in schedule if key != name}), ())
