"""A small company for whole stories of a parent: a database, recordings in the clear and in a vault, and a model that learnt from them.

It asks guardians for consent by two mails, between which no time passes. What it says of its own purposes it says in English.
"""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from expunge.bootstrap import Expunge
from tests.cli import world
from tests.web.site import family_company
from tests.web.site.kit import SiteServed, site

STORES = """\
  sealed: {kind: vault, url: ./world/vault}
  made: {kind: files, url: ./world/made}
"""
DATASETS = """\
  doorbell:
    store: sealed
    path: "doorbell/{{profile_id}}/{{recording_id}}.wav"
    subject: {{profile: profile_id}}
    categories: [user.content.audio]
    retention: voice
  words_model:
    store: made
    path: "words/{{version}}.json"
    kind: model
    derived_from: [transcripts]
    on_erase: {{retrain: {{command: "{python} learn.py", prove: "{python} learn.py"}}}}
"""
CONSENTS = """\
purposes:
  service:
    {description: answer what children ask, needs: contract, use: collection, datasets: [recordings, doorbell, transcripts, profiles]}
  training: {description: teach our speech recogniser, needs: consent, use: training, datasets: [recordings], text: training}
texts:
  training: [{version: "1", file: consent/training.md}]
guardians: {profile: 18 years}
asking: {answer: "https://acme.example/consent/{request}/{token}", revoke: "https://acme.example/consent", delay: 0 days}
"""
TEXT = "We would like to teach our recogniser with these recordings.\n\nYou can say no, and everything works as before.\n"
LEARN = """\
# How often each word follows each other one, in everything that was said.
import collections, json, pathlib, sqlite3, sys
asked = json.load(sys.stdin)
counts = collections.Counter()
with sqlite3.connect("file:world/app.db?mode=ro", uri=True) as database:
    for (said,) in database.execute("select said from transcripts"):
        counts.update(zip(said.split(), said.split()[1:]))
out = pathlib.Path(asked.get("out", "world/made/words/1.json"))
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(json.dumps(sorted(f"{first} {then} {count}" for (first, then), count in counts.items())))
"""
WORDS = ("answer what children ask", "teach our speech recogniser", *TEXT.strip().split("\n\n"))
"""What the company says in its map and its texts."""
SEALED = {"p-mia": "bell-m3-48210", "p-tom": "bell-t2-77301", "p-ada": "bell-a3-19055"}
"""Recordings in the vault."""

EMAILS = {"p-mia": "mia.thistlewood@kids.example", "p-tom": "tom.thistlewood@kids.example", "p-ada": "ada.quillfeather@kids.example"}


def enrich(folder: Path) -> None:
    """Give a company of ``tests/cli/world`` a vault, a model and purposes, in stores and map."""
    family_company.enrich(folder)
    (folder / "consent").mkdir()
    (folder / "consent" / "training.md").write_text(TEXT)
    (folder / "learn.py").write_text(LEARN)
    path = folder / "expunge.yaml"
    text = path.read_text()
    text = text.replace("stores:\n", f"stores:\n{STORES}", 1)
    text = text.replace("datasets:\n", f"datasets:\n{DATASETS.format(python=sys.executable)}", 1)
    path.write_text(text + CONSENTS)
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database, database:
        database.execute("alter table profiles add column email text")
        database.executemany("update profiles set email = ? where profile_id = ?", [(email, child) for child, email in EMAILS.items()])
    learn(folder)
    with Expunge.open(path) as opened:
        opened.vault.renew_gate()
        for profile, recording in SEALED.items():
            opened.vault.ingest("doorbell", f"doorbell/{profile}/{recording}.wav", io.BytesIO(heard(profile)))


def heard(child: str) -> bytes:
    """What the doorbell heard of a child, as it was before it was sealed."""
    with tempfile.TemporaryDirectory() as folder:
        return world.record(Path(folder), child, SEALED[child]).read_bytes()


def learn(folder: Path) -> None:
    """Train the model as its owner would for the first time."""
    subprocess.run([sys.executable, "learn.py"], cwd=folder, input=json.dumps({}), text=True, check=True)


def learnt(child: str) -> frozenset[str]:
    """What the model has from a child alone, as it lies there."""
    counts = Counter(pair for said in world.SAID.values() for pair in pairwise(said.split()))
    own = {pair for recording in world.PEOPLE[child][2] for pair in pairwise(world.SAID[recording].split())}
    return frozenset(f"{first} {then} 1" for first, then in own if counts[first, then] == 1)


@contextlib.contextmanager
def journey_site(folder: Path) -> Iterator[SiteServed]:
    """Serve the pages of such a company, with its keeper and its clerk."""
    # Why a folder of their own: what processes leave there is searched.
    temporary = folder / "temporary"
    temporary.mkdir()
    with site(folder, "--access-log", folder / "access.log", enrich=enrich, TMPDIR=str(temporary)) as served:
        yield served
