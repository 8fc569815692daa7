"""The company's tables, and the data map that declares its stores."""

from __future__ import annotations

import re
from collections.abc import Mapping

EMBEDDING = 64
"""Numbers in the embedding of a transcript."""
VOICEPRINT = 128
"""Numbers in a voiceprint."""

_TABLES = """
CREATE EXTENSION vector;
CREATE TABLE accounts (
  account_id text PRIMARY KEY, surname text NOT NULL, email text UNIQUE NOT NULL, street text NOT NULL, settings jsonb NOT NULL,
  created_at timestamptz NOT NULL, closed_at timestamptz
);
CREATE TABLE profiles (
  profile_id text PRIMARY KEY, account_id text NOT NULL REFERENCES accounts, name text NOT NULL, email text UNIQUE,
  own_device text UNIQUE, birth_year integer NOT NULL, child boolean NOT NULL, voice text NOT NULL, created_at timestamptz NOT NULL,
  closed_at timestamptz
);
CREATE TABLE devices (
  serial text PRIMARY KEY, account_id text NOT NULL REFERENCES accounts, profile_id text REFERENCES profiles, model text NOT NULL,
  added_at timestamptz NOT NULL, closed_at timestamptz
);
CREATE TABLE recordings (
  recording_id text PRIMARY KEY, profile_id text NOT NULL REFERENCES profiles, device text NOT NULL, seconds double precision NOT NULL,
  waveform text NOT NULL, preview text NOT NULL, sha256 text NOT NULL, details jsonb NOT NULL, recorded_at timestamptz NOT NULL
);
CREATE INDEX recordings_by_profile ON recordings (profile_id);
CREATE TABLE transcripts (
  transcript_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, recording_id text NOT NULL REFERENCES recordings,
  text text NOT NULL, source text NOT NULL, embedding vector(EMBEDDING) NOT NULL,
  words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED, written_at timestamptz NOT NULL
);
CREATE INDEX transcripts_by_recording ON transcripts (recording_id);
CREATE INDEX transcripts_by_words ON transcripts USING gin (words);
CREATE INDEX transcripts_by_meaning ON transcripts USING hnsw (embedding vector_cosine_ops);
CREATE TABLE conversations (
  recording_id text PRIMARY KEY, device text NOT NULL, text text NOT NULL, recorded_at timestamptz NOT NULL
);
CREATE TABLE participants (
  participant_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, recording_id text NOT NULL,
  profile_id text NOT NULL REFERENCES profiles, added_at timestamptz NOT NULL
);
CREATE INDEX participants_by_recording ON participants (recording_id);
CREATE TABLE voiceprints (
  voiceprint_id text PRIMARY KEY, profile_id text NOT NULL REFERENCES profiles, vector vector(VOICEPRINT) NOT NULL,
  enrolled_at timestamptz NOT NULL
);
CREATE TABLE consents (
  consent_id text PRIMARY KEY, profile_id text NOT NULL REFERENCES profiles, purpose text NOT NULL, given_at timestamptz NOT NULL
);
CREATE TABLE app_settings (name text PRIMARY KEY, value text NOT NULL);
CREATE VIEW heard AS
  SELECT p.name, r.recorded_at, t.text
  FROM transcripts t JOIN recordings r USING (recording_id) JOIN profiles p USING (profile_id);
"""
TABLES = _TABLES.replace("EMBEDDING", str(EMBEDDING)).replace("VOICEPRINT", str(VOICEPRINT))

HUB = """
CREATE TABLE locations (
  location_id INTEGER PRIMARY KEY, profile_id TEXT NOT NULL, device TEXT NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL,
  place TEXT NOT NULL, seen_at TEXT NOT NULL
);
CREATE INDEX locations_by_place ON locations(place);
"""

_MAP = """\
# What the company declares: where personal data lies, whose it is, what was made from what, and how long it stays.
version: 1
STATE
company:                                        # who gives receipts
  name: Lantern
  contact: privacy@lantern.example
  complaints: "the Data Protection Commission, www.dataprotection.example"
identities:
  account: {dataset: accounts, key: account_id, also: [email]}
  profile: {dataset: profiles, key: profile_id, also: [email, own_device], member_of: account, label: name}
stores:
  app:  {kind: postgres, url: "${LANTERN_DATABASE}", outside: ["nightly backups and snapshots of it, overwritten after 35 days"]}
  audio:
    kind: s3
    url: s3://BUCKET
    endpoint: "${LANTERN_S3}"
    region: us-east-1
    access_key: "${LANTERN_S3_KEY}"
    secret_key: "${LANTERN_S3_SECRET}"
    vacuum: "${LANTERN_S3_MASTER}"      # a server of the company's own: its disk is asked to give up what was deleted
    clock: "the company's own disks; snapshots of them are overwritten after 35 days"
  lake: {kind: parquet, url: ./world/lake}
  hub:  {kind: sqlite, url: "sqlite:///world/hub.db"}
retention:
  voice:   {period: 90 days, from: recorded_at, purpose: answer the request, need: the service itself, inactive_after: 18 months}
  account: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
  usage:   {period: 60 days, from: at, purpose: count what is used, need: improve the service}
  joined:  {period: 90 days, from: added_at, purpose: answer the request, need: the service itself}
  prints:  {period: 90 days, from: enrolled_at, purpose: tell who speaks, need: the service itself}
  agreed:  {period: 2 years, from: given_at, purpose: show what was agreed to, need: the law}
  places:  {period: 90 days, from: seen_at, purpose: answer the request, need: the service itself}
datasets:
  accounts:
    {store: app, table: accounts, holds: account details, subject: {account: account_id}, retention: account}
  profiles:
    {store: app, table: profiles, holds: profiles, subject: {profile: profile_id}, retention: account}
  devices:
    {store: app, table: devices, holds: devices, subject: {profile: profile_id, account: account_id}, retention: account}
  consents:
    {store: app, table: consents, holds: consents, subject: {profile: profile_id}, retention: agreed}
  recordings:
    {store: app, table: recordings, holds: details of recordings, subject: {profile: profile_id}, retention: voice}
  voice:                                        # keys name a recording, never a person
    store: audio
    holds: voice recordings
    path: ["voice/{recording_id}.wav", "voice/{recording_id}.json"]
    subject: {through: recordings, via: recording_id}
    categories: [user.biometrics.voice]
    retention: voice
  transcripts:
    store: app
    holds: transcripts
    table: transcripts
    subject: {through: recordings, via: recording_id}
    derived_from: [voice]
    on_erase: erase
  participants:
    {store: app, table: participants, holds: details of recordings, subject: {profile: profile_id}, retention: joined}
  conversations:
    store: app
    holds: conversations
    table: conversations
    subject: {through: participants, via: recording_id}
    shared: erase
    people: participants
    retention: joined
  shared_voice:
    store: audio
    holds: voice recordings
    path: ["shared/{recording_id}.wav", "shared/{recording_id}.json"]
    subject: {through: participants, via: recording_id}
    shared: erase
    people: participants
    categories: [user.biometrics.voice]
    retention: joined
  voiceprints:
    store: app
    holds: voiceprints
    table: voiceprints
    subject: {profile: profile_id}
    categories: [user.biometrics.voice]
    derived_from: [voice]
    on_erase: erase
    retention: prints
  events:
    store: lake
    holds: usage events
    path: "events/day={day}/{part}.parquet"
    subject: {profile: profile_id, account: account_id}
    derived_from: [transcripts]
    on_erase: erase
    retention: usage
  training:
    store: lake
    holds: training examples
    path: "training/{part}.parquet"
    subject: {profile: speaker.profile_id}
    derived_from: [transcripts]
    on_erase: erase
  locations:
    store: hub
    table: locations
    subject: {profile: profile_id}
    categories: [user.location.precise]
    retention: places
"""

_EXPORT = """\
  asr_errors:                                   # found by `check`: an engineer's copy of what people said
    store: audio
    holds: copies
    path: "exports/{batch}.csv.gz"
    format: csv
    subject: {profile: profile_id}
    derived_from: [transcripts]
    on_erase: erase
"""

_VAULT = """\
  doorbells: {kind: vault, url: ./world/vault, epochs: 7 days}      # recordings sealed under keys that can be made to die
"""
_SEEN = """\
  seen:    {period: 30 days, from: modified, purpose: see who rings, need: the person agreed to it}
"""
_DOORBELL = """\
  doorbell:
    store: doorbells
    path: "door/{profile_id}/{recording_id}.mp4"
    subject: {profile: profile_id}
    categories: [user.content.video]
    retention: seen
  doorbell_facts:                               # what a pipeline read out of a film; it goes with the film
    store: doorbells
    holds: details of recordings
    path: "facts/{profile_id}/{recording_id}.json"
    subject: {through: doorbell, via: recording_id}
    derived_from: [doorbell]
    on_erase: erase
    retention: seen
"""
_PURPOSES = """\
purposes:
  ingest:
    description: answer what is asked
    needs: contract
    use: collection
    datasets: [ALL]
  see_who_rings:
    description: see who rings at the door
    needs: consent
    use: collection
    datasets: [doorbell, doorbell_facts]
    text: visitors
texts:
  visitors:
    - {version: 1, file: consent/visitors.md}
"""
_REVIEW = """\
review:                                         # the only way in which staff see a film: with a case, for minutes, and never unseen
  hours: {days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday], from: "00:00", until: "24:00"}
  networks: {office: [127.0.0.0/8, "::1/128"]}
  cameras: {doorbell: {room: outdoor}}
"""
CONSENT = """\
# Who rings at your door

Your doorbell can tell you who rings. For that our programs open the films that it makes. Say no, and nothing opens them.
"""

_IGNORE = """\
ignore:
  - {store: app, table: app_settings, reason: "settings of the program, no personal data"}
"""

ALONE = "state: ./state"
SHARED = 'state: "${LANTERN_STATE}"\nstate_folder: ./state'
"""Expunge's own state in a database, so that several workers can share it; keys and log stay in the folder."""


def data_map(
    *,
    bucket: str,
    with_export: bool,
    approvers: Mapping[str, str] | None = None,
    state: str = ALONE,
    doorbell: bool = False,
    desk: bool = False,
) -> str:
    """``expunge.yaml`` of the company: as first written, or with the engineer's copy declared as well.

    Args:
        bucket: of the object store.
        with_export: declare the copy.
        approvers: name -> verifier key of who may approve plans.
        state: ``ALONE`` or ``SHARED``.
        doorbell: declare the vault of the doorbell, and what people have to agree to for it.
        desk: declare the review desk, at which staff see its films.
    """
    names = "".join(f"  {name}: {key}\n" for name, key in (approvers or {}).items())
    stores = _MAP.replace("STATE", state, 1).replace("BUCKET", bucket, 1) + (_EXPORT if with_export else "")
    if doorbell:
        # Without whereabouts, whose uses are reviewed one by one.
        used = ", ".join(
            each for each in re.findall(r"^  (\w+):", stores.partition("\ndatasets:\n")[2], re.MULTILINE) if each != "locations"
        )
        stores = stores.replace("retention:\n", f"{_VAULT}retention:\n{_SEEN}", 1) + _DOORBELL + _PURPOSES.replace("ALL", used, 1)
        stores += _REVIEW if desk else ""
    return stores + _IGNORE + (f"approvers:\n{names}" if names else "")
