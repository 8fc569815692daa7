"""Sound maps read into typed values; mutated ones never crash; the published schema says the same as the reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import cast

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.artefact import ArtefactKind, Cohort, Provenance, Reviewed
from expunge.core.datamap.datamap import Aggregate, ByField, EraseAct, Inherited, OnErase, Shared, Through
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.lineage_spec import Emission
from expunge.core.datamap.purposes import Ground, Terms, Use
from expunge.core.lineage.lineage_graph import lineage_of
from expunge.core.values.periods import Period
from expunge.errors import Misconfigured
from expunge.maps import MapFault, MapFaults, examine, find_map, read_map
from expunge.maps.document import words
from expunge.maps.schema.map_schema import json_schema
from expunge.stores import Kinds, own_kinds

ROOT = Path(__file__).parents[2]
MAPS = ROOT / "tests" / "vectors" / "maps"
APP_DB = {"APP_DB": "postgres://app@localhost/app"}


def sound():
    return read_map(MAPS / "sound.yaml", {}, kinds=Kinds())


def written(folder, text):
    path = folder / "expunge.yaml"
    path.write_text(text)
    return path


def test_the_example_of_the_documentation_reads_where_its_kinds_exist():
    data_map = read_map(MAPS / "example.yaml", APP_DB, kinds=Kinds())
    assert list(data_map.datasets) == ["accounts", "profiles", "recordings", "transcripts", "intent_model"]
    assert data_map.datasets["transcripts"].subject == Through("recordings", "recording_id")
    assert data_map.datasets["transcripts"].retention == "voice"
    assert data_map.datasets["intent_model"].subject == Inherited(("transcripts",))
    assert data_map.datasets["intent_model"].retention == "voice"
    assert data_map.datasets["intent_model"].on_erase == OnErase(EraseAct.RETRAIN, "make train-intent")
    assert data_map.stores["app"].url == APP_DB["APP_DB"]
    assert data_map.stores["models"].url == f"sqlite:///{MAPS}/mlflow.db"
    assert data_map.stores["models"].options == {"artifacts": str(MAPS / "mlartifacts")}
    assert data_map.state == str(MAPS / ".expunge")


def test_the_example_is_explained_where_its_kinds_do_not_exist():
    faults = examine(MAPS / "example.yaml", APP_DB, kinds={word: kind for word, kind in own_kinds().items() if word != "mlflow"}).faults
    assert [(fault.rule, fault.line) for fault in faults] == [("unknown-kind", 9)]


def test_the_example_is_the_one_that_the_reference_shows():
    page = (ROOT / "docs" / "reference" / "data-map.md").read_text()
    assert (MAPS / "example.yaml").read_text() in page


def test_what_orders_of_destruction_go_by_arrives():
    data_map = sound()
    assert data_map.datasets["family_calls"].reviewed_by == Reviewed("reviews", "recording_id", "reviewed_at")
    assert data_map.datasets["reviews"].kind is ArtefactKind.LABELS
    assert data_map.datasets["reviews"].collected == "reviewed_at"
    assert data_map.datasets["wake_words"].created == datetime(2026, 2, 1, tzinfo=UTC)
    assert data_map.datasets["recognisers"].artefact == "model"
    assert data_map.datasets["recognisers"].follow == ("model",)
    assert "recording_id" in data_map.datasets["reviews"].follow
    assert data_map.cohorts["children"] == Cohort("profiles", {"child": frozenset({"1"})}, {"consent": frozenset({"verified"})})
    assert data_map.provenance == Provenance("lineage_of_models", "made", "made_from", "how", "made_at", "read_at")


def test_everything_a_map_can_say_arrives():
    data_map = sound()
    assert data_map.cooling_off == timedelta(days=3)
    assert data_map.traces_kept == timedelta(days=90)
    assert list(data_map.approvers) == ["priya"]
    assert data_map.stores["media"].url == str(MAPS / "media")
    assert data_map.stores["media"].outside == ("weekly backups of the media disk, kept until 2027-01-31",)
    assert data_map.stores["app"].url == f"sqlite:///{MAPS}/app.db"
    assert data_map.stores["app"].options == {"attach": {"archive": str(MAPS / "archive.db")}}
    assert data_map.stores["app"].window == "02:00-05:00"
    assert data_map.identities["profile"].member_of == "account"
    assert (data_map.identities["profile"].label, data_map.identities["account"].label) == ("first_name", "")
    assert data_map.retention["voice"].period == Period(days=90)
    assert data_map.retention["voice"].inactive_after == Period(months=18)
    assert data_map.retention["life"].period == Period(months=24)
    assert data_map.datasets["profiles"].subject == ByField({"profile": "profile_id", "account": "account_id"})
    assert data_map.datasets["recordings"].paths[1].endswith(".json")
    assert data_map.datasets["recordings"].grounding is Grounding.SCRUBBED
    assert data_map.datasets["family_calls"].shared is Shared.KEEP
    assert data_map.datasets["family_calls"].people == "participants"
    assert data_map.datasets["events"].format == "jsonl"
    assert data_map.datasets["wake_words"].on_erase == OnErase(EraseAct.REBUILD, "make wake-words")
    assert isinstance(data_map.datasets["daily_counts"].subject, Aggregate)
    assert data_map.datasets["daily_counts"].on_erase == OnErase(EraseAct.KEEP, "statistics about nobody")
    assert [entry.pattern for entry in data_map.ignore] == ["django_*", "cache/*"]
    assert data_map.lineage.names["transcripts"] == (
        "postgres://db.example.org:5432/app.public.transcripts",
        "duckdb:///srv/warehouse.duckdb/voice.raw.*",
    )
    assert [(each.pattern, each.reason) for each in data_map.lineage.harmless] == [("bigquery/weather.*", "weather is about nobody")]
    assert data_map.lineage.emit == Emission("https://lineage.example.org/api/v1/lineage", "secret", "privacy")
    assert data_map.purposes["answer"].needs is Ground.CONTRACT
    assert data_map.purposes["training"].terms == Terms(
        "make the recogniser understand children better", Use.TRAINING, ("recordings", "wake_words"), ()
    )
    assert data_map.purposes["partners"].recipients == ("speech laboratories",)
    assert [(each.version, each.material) for each in data_map.texts["training"]] == [("1", True), ("1.1", False)]
    assert data_map.texts["partners"][0].file == str(MAPS / "consent" / "partners.md")
    assert data_map.guardians == {"profile": Period(months=13 * 12)}
    assert data_map.consent_wait == timedelta(days=10)
    assert (data_map.asking.sender, data_map.asking.delay) == ("Owl <consent@owl.example>", timedelta(hours=36))
    assert data_map.recipients["acme"].gets == ("transcripts",)
    assert data_map.recipients["acme"].within == Period(days=45)
    assert set(data_map.laws) == {"gdpr-answer", "bipa-destroy"}


def test_each_dataset_knows_which_of_its_fields_others_follow():
    follow = {name: dataset.follow for name, dataset in sound().datasets.items()}
    assert follow["accounts"] == ("account_id", "email")
    assert follow["profiles"] == ("account_id", "profile_id")
    assert follow["recordings"] == ("recording_id",)
    assert follow["participants"] == ("profile_id", "recording_id")
    assert follow["transcripts"] == ()


def test_a_derived_dataset_takes_the_shortest_retention_of_its_sources(tmp_path):
    text = (MAPS / "sound.yaml").read_text()
    text = text.replace("voice: {period: 90 days", "calls: {period: 2 months, from: at, purpose: p, need: n}\n  voice: {period: 90 days")
    text = text.replace("    shared: keep\n    retention: voice", "    shared: keep\n    retention: calls")
    data_map = read_map(written(tmp_path, text), {}, kinds=Kinds())
    assert data_map.datasets["family_calls"].retention == "calls"
    assert data_map.datasets["wake_words"].retention == "calls"
    assert data_map.datasets["transcripts"].retention == "voice"


def test_an_unknown_source_is_a_fault_and_a_visible_edge():
    reading = examine(MAPS / "faults" / "unknown-dataset.yaml", {}, kinds=Kinds())
    assert reading.map is not None
    (edge,) = lineage_of(reading.map.datasets, reading.map.identities).unknown
    assert (edge.source, edge.target, edge.known) == ("recordngs", "transcripts", False)


def test_the_map_is_found_from_a_folder_below_it(tmp_path):
    path = written(tmp_path, "version: 1\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_map(inner) == path
    assert find_map(tmp_path) == path


def test_a_map_that_anybody_may_have_left_is_not_taken(tmp_path):
    path = written(tmp_path, "version: 1\n")
    inner = tmp_path / "a"
    inner.mkdir()
    tmp_path.chmod(0o1777)
    with pytest.raises(Misconfigured, match=r"no expunge\.yaml"):
        find_map(inner)
    assert find_map(tmp_path) == path, "who stands in the folder means it"


def test_no_map_and_an_unreadable_map_are_explained(tmp_path):
    with pytest.raises(Misconfigured, match=r"no expunge\.yaml") as caught:
        find_map(tmp_path)
    assert "init" in caught.value.help
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_map(tmp_path / "expunge.yaml", {}, kinds=Kinds())
    (tmp_path / "expunge.yaml").mkdir()
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_map(tmp_path / "expunge.yaml", {}, kinds=Kinds())


def test_paths_are_relative_to_the_map_and_not_to_where_one_stands(tmp_path, monkeypatch):
    written(tmp_path, (MAPS / "sound.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    data_map = read_map(Path("expunge.yaml"), {}, kinds=Kinds())
    assert data_map.stores["media"].url == str(tmp_path / "media")
    assert data_map.state == str(tmp_path / ".expunge")


@pytest.mark.parametrize(
    ("state", "folder"),
    [
        (".expunge", ".expunge"),
        ("sqlite:///.expunge/state.db", ".expunge"),
        ("sqlite:////var/x/state.db", "/var/x"),
        ("/srv/state", "/srv/state"),
    ],
)
def test_state_is_a_folder_however_it_is_written(tmp_path, state, folder):
    text = (MAPS / "sound.yaml").read_text().replace("state: .expunge", f"state: {state}")
    assert read_map(written(tmp_path, text), {}, kinds=Kinds()).state == str(tmp_path / folder)


def test_environment_variables_are_filled_in_where_places_are_named(tmp_path):
    text = (MAPS / "sound.yaml").read_text().replace("./media", '"${HOME_OF_MEDIA}/${PART}"').replace("./archive.db", '"${ARCHIVE}"')
    data_map = read_map(written(tmp_path, text), {"HOME_OF_MEDIA": "/srv", "PART": "media", "ARCHIVE": "old.db"}, kinds=Kinds())
    assert data_map.stores["media"].url == "/srv/media"
    assert data_map.stores["app"].options["attach"] == {"archive": str(tmp_path / "old.db")}


def test_an_empty_variable_is_as_bad_as_a_missing_one(tmp_path):
    text = (MAPS / "sound.yaml").read_text().replace("./media", '"${MEDIA}"')
    assert [fault.rule for fault in examine(written(tmp_path, text), {"MEDIA": ""}, kinds=Kinds()).faults] == ["missing-environment"]


def test_muting_is_possible_where_a_store_can_mute():
    with pytest.raises(MapFaults):
        read_map(MAPS / "faults" / "mute-not-possible.yaml", {}, kinds=Kinds())
    data_map = read_map(
        MAPS / "faults" / "mute-not-possible.yaml", {}, kinds={**own_kinds(), "files": replace(own_kinds()["files"], mutes=True)}
    )
    assert data_map.datasets["recordings"].shared is Shared.MUTE


# The published schema


def test_the_published_schema_and_the_table_of_kinds_are_those_in_the_code():
    loader = SourceFileLoader("map_reference", str(ROOT / "scripts" / "map-reference"))
    generator = module_from_spec(cast("ModuleSpec", spec_from_loader("map_reference", loader)))
    loader.exec_module(generator)
    for page, text in ((generator.PAGE, generator.page()), (generator.SCHEMA, generator.schema())):
        assert page.read_text(encoding="utf-8") == text, "run .venv/bin/python scripts/map-reference"
    jsonschema.Draft202012Validator.check_schema(json_schema(own_kinds()))


def test_the_schema_knows_every_word_that_the_reader_knows():
    properties = json_schema(own_kinds())["properties"]
    assert tuple(properties) == words.MAP
    for section, keys in (
        ("identities", words.IDENTITY),
        ("stores", words.STORE),
        ("retention", words.RETENTION),
        ("datasets", words.DATASET),
        ("purposes", words.PURPOSE),
    ):
        assert tuple(properties[section]["additionalProperties"]["properties"]) == keys
    assert tuple(properties["ignore"]["items"]["properties"]) == words.IGNORE
    assert tuple(properties["asking"]["properties"]) == words.ASKING
    assert tuple(properties["texts"]["additionalProperties"]["items"]["properties"]) == words.TEXT


@pytest.mark.parametrize("name", ["example", "sound"])
def test_the_schema_accepts_what_the_reader_accepts(name):
    jsonschema.validate(yaml.safe_load((MAPS / f"{name}.yaml").read_text()), json_schema(own_kinds()))


SHAPE = (
    "bad-grounding",
    "bad-holds",
    "bad-name",
    "bad-on-erase",
    "bad-period",
    "bad-shared",
    "bad-span",
    "bad-subject",
    "bad-version",
    "bad-window",
)
SHAPE += ("act-needs-argument", "aggregate-incomplete", "derived-without-on-erase", "duplicate-item", "forever", "missing-key")
SHAPE += (
    "bad-ground",
    "bad-text",
    "bad-use",
    "purpose-without-text",
    "missing-layout",
    "no-retention",
    "no-subject",
    "not-text",
    "unknown-key",
    "wrong-type",
)


@pytest.mark.parametrize("name", SHAPE)
def test_the_schema_refuses_what_is_wrong_in_itself(name):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load((MAPS / "faults" / f"{name}.yaml").read_text()), json_schema(own_kinds()))


# Mutations

SOUND_TEXT = (MAPS / "sound.yaml").read_text()
PIECES = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\n",
        "  ",
        "\t",
        "&a ",
        "*a",
        "!!int ",
        "<<: ",
        "-",
        "? ",
        "|",
        '"',
        "'",
        "#",
        "${X}",
        "%",
        "\x00",
        "\u2028",
    ]
)
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(SOUND_TEXT)), st.integers(0, 60), st.one_of(PIECES, st.text(max_size=12), st.sampled_from(SOUND_TEXT.split()))
    ),
    min_size=1,
    max_size=5,
)


def survives(path):
    """Either a map or faults with line numbers inside the file; nothing else ever."""
    refused: tuple[MapFault, ...] | None = None
    try:
        read_map(path, {"X": "x"}, kinds=Kinds())
    except MapFaults as error:
        refused = error.faults
    if refused is not None:
        lines = path.read_bytes().count(b"\n") + 1
        assert refused
        assert all(1 <= fault.line <= lines and fault.write_instead for fault in refused)


@pytest.mark.parametrize("strange", ["\x85", "\u2028", "\u2029", "\r"])
def test_lines_are_those_that_an_editor_shows(tmp_path, strange):
    path = tmp_path / "expunge.yaml"
    path.write_bytes((SOUND_TEXT + f"# one{strange}# two\nno-such-key: 1\n").encode())
    with pytest.raises(MapFaults, match="breaks lines for YAML and for no editor") as caught:
        read_map(path, {"X": "x"}, kinds=Kinds())
    assert caught.value.faults[0].line == SOUND_TEXT.count("\n") + 1


@given(edits=EDITS)
def test_no_mutation_of_the_text_crashes_the_reader(tmp_path_factory, edits):
    text = SOUND_TEXT
    for at, cut, piece in edits:
        text = text[:at] + piece + text[at + cut :]
    path = tmp_path_factory.mktemp("map") / "expunge.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    survives(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.dates() | st.sampled_from(SOUND_TEXT.split()) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*words.DATASET, *words.STORE, "x", "through"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(data=st.data())
def test_no_mutation_of_the_tree_crashes_the_reader(tmp_path_factory, data):
    tree = yaml.safe_load(SOUND_TEXT)
    for _ in range(data.draw(st.integers(1, 4))):
        at = tree
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(at[key], dict | list) or data.draw(st.booleans()):
                if data.draw(st.booleans()) or isinstance(at, list):
                    at[key] = data.draw(VALUES)
                else:
                    del at[key]
                break
            at = at[key]
    path = tmp_path_factory.mktemp("map") / "expunge.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    survives(path)


def test_paths_may_belong_to_different_kinds_of_people(tmp_path):
    text = (MAPS / "sound.yaml").read_text()
    text = text.replace("voice/{profile_id}/{recording_id}.json", "house/{account_id}/{recording_id}.flac")
    text = text.replace("    subject: {profile: profile_id}\n    cat", "    subject: {profile: profile_id, account: account_id}\n    cat")
    assert len(read_map(written(tmp_path, text), {}, kinds=Kinds()).datasets["recordings"].paths) == 2
    faults = examine(written(tmp_path, text.replace("house/{account_id}", "house/{room}")), {}, kinds=Kinds()).faults
    assert [fault.rule for fault in faults] == ["field-not-in-path", "field-not-in-path"]


def test_what_others_follow_must_stand_in_every_path(tmp_path):
    text = (MAPS / "sound.yaml").read_text().replace("voice/{profile_id}/{recording_id}.json", "voice/{profile_id}/about.json")
    assert [fault.rule for fault in examine(written(tmp_path, text), {}, kinds=Kinds()).faults] == ["field-not-in-path"]


def test_a_label_stands_in_a_row_or_record(tmp_path):
    text = (MAPS / "sound.yaml").read_text()
    text = text.replace("profile: {dataset: profiles, ", "profile: {dataset: recordings, ")
    faults = examine(written(tmp_path, text), {}, kinds=Kinds()).faults
    assert any("label: 'recordings' is files that are taken whole" in fault.what for fault in faults)


def test_a_sqlite_store_takes_its_own_settings_and_no_others(tmp_path):
    text = (
        (MAPS / "sound.yaml").read_text().replace("attach: {archive: ./archive.db}", "attach: {archive: ./archive.db}\n    busy_ms: 2500")
    )
    assert read_map(written(tmp_path, text), {}, kinds=Kinds()).stores["app"].options["busy_ms"] == 2500
    (fault,) = examine(written(tmp_path, text.replace("busy_ms", "bussy_ms")), {}, kinds=Kinds()).faults
    assert (fault.rule, fault.write_instead) == ("unknown-key", "did you mean 'busy_ms'?")
    (fault,) = examine(written(tmp_path, text.replace("2500", "[1, 2]")), {}, kinds=Kinds()).faults
    assert (fault.rule, fault.write_instead) == ("wrong-type", "busy_ms: 5000")
    (fault,) = examine(written(tmp_path, text.replace("2500", "0x1F")), {}, kinds=Kinds()).faults
    assert fault.rule == "coerced-value"
