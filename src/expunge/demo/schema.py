"""The company's database, and the data map that declares its stores."""

from __future__ import annotations

from collections.abc import Mapping

TABLES = """
CREATE TABLE accounts (
  account_id TEXT PRIMARY KEY, surname TEXT NOT NULL, email TEXT UNIQUE NOT NULL, street TEXT NOT NULL,
  created_at TEXT NOT NULL, closed_at TEXT
);
CREATE TABLE profiles (
  profile_id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts, name TEXT NOT NULL, email TEXT UNIQUE,
  own_device TEXT UNIQUE, birth_year INTEGER NOT NULL, child INTEGER NOT NULL, voice TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE devices (
  serial TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts, profile_id TEXT REFERENCES profiles,
  model TEXT NOT NULL, added_at TEXT NOT NULL
);
CREATE TABLE recordings (
  recording_id TEXT PRIMARY KEY, profile_id TEXT NOT NULL REFERENCES profiles, device TEXT NOT NULL, path TEXT NOT NULL,
  seconds REAL NOT NULL, place TEXT NOT NULL, recorded_at TEXT NOT NULL
);
CREATE TABLE transcripts (
  transcript_id INTEGER PRIMARY KEY, recording_id TEXT NOT NULL REFERENCES recordings, text TEXT NOT NULL, source TEXT NOT NULL,
  written_at TEXT NOT NULL
);
CREATE VIRTUAL TABLE transcripts_search USING fts5(text, content='transcripts', content_rowid='transcript_id');
CREATE TRIGGER transcripts_in AFTER INSERT ON transcripts BEGIN
  INSERT INTO transcripts_search(rowid, text) VALUES (new.transcript_id, new.text);
END;
CREATE TRIGGER transcripts_out AFTER DELETE ON transcripts BEGIN
  INSERT INTO transcripts_search(transcripts_search, rowid, text) VALUES ('delete', old.transcript_id, old.text);
END;
CREATE TRIGGER transcripts_new AFTER UPDATE ON transcripts BEGIN
  INSERT INTO transcripts_search(transcripts_search, rowid, text) VALUES ('delete', old.transcript_id, old.text);
  INSERT INTO transcripts_search(rowid, text) VALUES (new.transcript_id, new.text);
END;
CREATE TABLE conversations (
  recording_id TEXT PRIMARY KEY, device TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL, recorded_at TEXT NOT NULL
);
CREATE TABLE participants (
  participant_id INTEGER PRIMARY KEY, recording_id TEXT NOT NULL, profile_id TEXT NOT NULL REFERENCES profiles, added_at TEXT NOT NULL
);
CREATE INDEX participants_by_recording ON participants(recording_id);
CREATE TABLE locations (
  location_id INTEGER PRIMARY KEY, profile_id TEXT NOT NULL REFERENCES profiles, device TEXT NOT NULL,
  latitude REAL NOT NULL, longitude REAL NOT NULL, place TEXT NOT NULL, seen_at TEXT NOT NULL
);
CREATE INDEX locations_by_place ON locations(place);
CREATE TABLE voiceprints (
  voiceprint_id TEXT PRIMARY KEY, profile_id TEXT NOT NULL REFERENCES profiles, vector BLOB NOT NULL, enrolled_at TEXT NOT NULL
);
CREATE TABLE consents (
  consent_id TEXT PRIMARY KEY, profile_id TEXT NOT NULL REFERENCES profiles, purpose TEXT NOT NULL, given_at TEXT NOT NULL
);
CREATE TABLE app_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE VIEW heard AS
  SELECT p.name, r.recorded_at, r.place, t.text
  FROM transcripts t JOIN recordings r USING (recording_id) JOIN profiles p USING (profile_id);
"""

_MAP = """\
# What the company declares: where personal data lies, whose it is, what was made from what, and how long it stays.
version: 1
state: ./state
identities:
  account: {dataset: accounts, key: account_id, also: [email]}
  profile: {dataset: profiles, key: profile_id, also: [email, own_device], member_of: account}
stores:
  media:     {kind: files, url: ./world/media}
  app:       {kind: sqlite, url: "sqlite:///world/app.db", outside: ["snapshots of the database's disk, overwritten after 35 days"]}
  analytics: {kind: files, url: ./world/analytics}
retention:
  voice:   {period: 90 days, from: recorded_at, purpose: answer the request, need: the service itself, inactive_after: 18 months}
  account: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
  usage:   {period: 60 days, from: at, purpose: count what is used, need: improve the service}
datasets:
  accounts:
    {store: app, table: accounts, subject: {account: account_id}, retention: account}
  profiles:
    {store: app, table: profiles, subject: {profile: profile_id}, retention: account}
  devices:
    {store: app, table: devices, subject: {profile: profile_id, account: account_id}, retention: account}
  consents:
    {store: app, table: consents, subject: {profile: profile_id}, retention: account}
  voice:
    store: media
    path: ["voice/{profile_id}/{recording_id}.wav", "voice/{profile_id}/{recording_id}.json"]
    subject: {profile: profile_id}
    categories: [user.biometrics.voice]
    retention: voice
  recordings:
    {store: app, table: recordings, subject: {profile: profile_id}, retention: voice}
  transcripts:
    store: app
    table: transcripts
    subject: {through: recordings, via: recording_id}
    derived_from: [voice]
    on_erase: erase
    retention: voice
  participants:
    {store: app, table: participants, subject: {profile: profile_id}, retention: voice}
  conversations:
    store: app
    table: conversations
    subject: {through: participants, via: recording_id}
    shared: erase
    people: participants
    retention: voice
  shared_voice:
    store: media
    path: ["shared/{recording_id}.wav", "shared/{recording_id}.json"]
    subject: {through: participants, via: recording_id}
    shared: erase
    people: participants
    categories: [user.biometrics.voice]
    retention: voice
  locations:
    store: app
    table: locations
    subject: {profile: profile_id}
    categories: [user.location.precise]
    retention: voice
  voiceprints:
    store: app
    table: voiceprints
    subject: {profile: profile_id}
    categories: [user.biometrics.voice]
    derived_from: [voice]
    on_erase: erase
    retention: voice
  events:
    store: analytics
    path: "events/{day}.jsonl.gz"
    format: jsonl
    subject: {profile: profile_id, account: account_id}
    derived_from: [voice]
    on_erase: erase
    retention: usage
"""

_EXPORT = """\
  asr_errors:                                   # found by `check`: an engineer's copy of what people said
    store: media
    path: "exports/{batch}.csv.gz"
    format: csv
    subject: {profile: profile_id}
    derived_from: [transcripts]
    on_erase: erase
    retention: voice
"""

_IGNORE = """\
ignore:
  - {store: app, table: app_settings, reason: "settings of the program, no personal data"}
"""


def data_map(*, with_export: bool, approvers: Mapping[str, str] | None = None) -> str:
    """``expunge.yaml`` of the company: as first written, or with the engineer's copy declared as well.

    Args:
        with_export: declare the copy.
        approvers: name -> verifier key of who may approve plans.
    """
    names = "".join(f"  {name}: {key}\n" for name, key in (approvers or {}).items())
    return _MAP + (_EXPORT if with_export else "") + _IGNORE + (f"approvers:\n{names}" if names else "")
