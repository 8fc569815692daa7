"""The last chapters: residue, unchanged bystanders, the verification of receipts, and the data that the fence stops."""

from __future__ import annotations

import shlex
import shutil
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from expunge.bootstrap import Expunge
from expunge.core.evidence import receipt
from expunge.core.log import dsse
from expunge.demo.company.stage import Stage, run
from expunge.demo.company.stores import put_recording
from expunge.demo.company.survey import survey
from expunge.demo.company.truth import by_store
from expunge.demo.company.twin import delete_ordinarily
from expunge.demo.company.world import STORES, Recording
from expunge.demo.story.forgery import resigned, tampered
from expunge.gate import Gate, Subject

PUBLISHED = "published-trust-policy.txt"
"""The keys as the company publishes them elsewhere: what ``--trust`` is for."""


def comparing(stage: Stage) -> None:
    """Show residue by store, before and after, by two searches, and the residue of an ordinary deletion in the twin."""
    narrator = stage.narrator
    with narrator.chapter("What is left"):
        narrator.say("The servers are stopped, so that everything they know lies in their files. Every byte of these is searched:")
        search = stage.search
        after = by_store(stage.folder / "world", search.folder(stage.folder / "world"))
        in_state = {hit.what for hit in search.folder(stage.folder / "state")}
        twin = stage.folder / "twin"
        with TemporaryDirectory() as logs:
            delete_ordinarily(twin, Path(logs), stage.world, [request.person for request in stage.world.requests])
        left = by_store(twin, search.folder(twin))
        own = _own_counts(stage)
        rows = [(name, str(own[name][0]), str(own[name][1]), str(stage.before[name]), str(after[name]), str(left[name])) for name in STORES]
        sums = [sum(int(row[place]) for row in rows) for place in range(1, 6)]
        # What the receipts claim for a store whose files the scanner does not read is less, and they say so.
        shown = [(name, "-", "-", *rest) if before == "0" else (name, before, found, *rest) for name, before, found, *rest in rows]
        shown.append(("=all", *(str(each) for each in sums)))
        heads = ["store", "scanner: before, at least", "after", "outside search: before", "after", "twin, after an ordinary DELETE"]
        narrator.table("Traces of the three people", heads, shown)
        narrator.say(
            "The scanner looks for keyed fingerprints of what each store held, and receipts give their numbers as powers of "
            "ten; of an object store it may read no files, and receipts say "
            "so. The outside search shares no code with it: plain bytes, UTF-16, hex, base64, inside gzip, in free pages, write-ahead "
            "logs and names. The twin is the same company, where somebody wrote DELETE and VACUUM for every table, deleted the "
            "recordings by DeleteObjects and wrote the days' events anew. Nobody there thought of the training set."
        )
        stage.expect(sums[1] == sums[3] == 0, "nothing of them is left in any store")
        stage.expect(not in_state, "nothing of them is in Expunge's own state")
        stage.expect(sums[4] > 0, f"the ordinary DELETE left {sums[4]} of {sums[2]}")


def _own_counts(stage: Stage) -> dict[str, tuple[int, int]]:
    """By store: usable traces before, at least, and those found after, as the receipts say."""
    counts = dict.fromkeys(STORES, (0, 0))
    for number in range(1, len(stage.orders) + 1):
        said = receipt.parse(dsse.parse((stage.guardian(number) / "receipt.dsse.json").read_bytes()).payload)
        for entry in said.datasets:
            if entry.scan is not None and entry.store in counts:
                usable, found = counts[entry.store]
                counts[entry.store] = usable + entry.scan.traces_usable, found + entry.scan.found
    return counts


def unchanged(stage: Stage) -> None:
    """Show that the data of all bystanders is the same, item by item."""
    with stage.narrator.chapter("What is untouched"):
        after = survey(stage.world.services, stage.folder / "world")
        staying = stage.world.book.staying(stage.erased)
        gone = set(stage.survey) - set(after)
        stage.expect(
            {key: stage.survey[key] for key in staying} == after, f"{len(staying)} items of everybody else: same keys, same digests"
        )
        stage.expect(gone == set(stage.survey) - staying, f"{len(gone)} items are gone: exactly those of the three")


def hand_over(stage: Stage) -> None:
    """Put each person's receipt into their folder, and publish the keys."""
    with Expunge.open(stage.map) as expunge:
        for number, order in enumerate(stage.orders, 1):
            for name, data in expunge.receipt_folder(order).items():
                (stage.guardian(number) / name).write_bytes(data)
        (stage.folder / PUBLISHED).write_text(expunge.trust_policy(), "utf-8")


def checking(stage: Stage) -> None:
    """Receipts verified, and two forgeries refused."""
    narrator = stage.narrator
    with narrator.chapter("What the receipts are worth"):
        trust = str(stage.folder / PUBLISHED)
        narrator.command(shlex.join(["expunge", "receipt", "verify", str(stage.guardian(1)), "--trust", trust]))
        for number, request in enumerate(stage.world.requests, 1):
            done = stage.expunge("receipt", "verify", str(stage.guardian(number)), "--trust", trust)
            tied = "opening.json ties the receipt" in done.stdout
            stage.expect(tied, f"opening.json in the folder ties receipt {number} to {request.person.name}")
            _verdict(stage, done, 0, f"receipt {number}, for {request.person.name}, holds")
        with_openssl(stage)
        forged = stage.folder / "forged"
        tampered(stage.guardian(1), forged / "tampered")
        resigned(stage.guardian(1), forged / "resigned")
        done = stage.expunge("receipt", "verify", str(forged / "tampered"), "--trust", trust)
        _verdict(stage, done, 6, "one character changed: refused")
        done = stage.expunge("receipt", "verify", str(forged / "resigned"), "--trust", trust)
        _verdict(stage, done, 6, "good for ten years more, signed and logged with other keys: refused")
        done = stage.expunge("receipt", "verify", str(forged / "resigned"))
        narrator.point(f"the same without --trust: exit code {done.returncode}, and the last line of the answer says what that is worth:")
        narrator.quote(_last_line(done))
        said = receipt.parse(dsse.parse((stage.guardian(1) / "receipt.dsse.json").read_bytes()).payload)
        telling = [
            text for text in said.out_of_scope if any(word in text for word in ("names of deleted", "overwritten after", "map does not"))
        ]
        narrator.say(f"A receipt ends with what it says nothing about, {len(said.out_of_scope)} sentences in this one. Among them:")
        for sentence in telling:
            narrator.point(sentence)


def _verdict(stage: Stage, done: CompletedProcess[str], wanted: int, text: str) -> None:
    good = done.returncode == wanted
    stage.expect(good, f"{text} (exit code {done.returncode})")
    if not good:
        stage.narrator.quote(_last_line(done))


def _last_line(done: CompletedProcess[str]) -> str:
    return ((done.stdout + done.stderr).strip().splitlines() or ["nothing"])[-1]


def openssl_line(folder: Path) -> list[str]:
    """Check a receipt's signature with nothing of ours."""
    return [
        "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(folder / "signer.pem"), "-rawin",
        "-in", str(folder / "receipt.pae"), "-sigfile", str(folder / "receipt.sig"),
    ]  # fmt: skip


def with_openssl(stage: Stage) -> None:
    """Have openssl check the first signature, where it is installed."""
    if shutil.which("openssl") is None:
        stage.narrator.point("openssl is not installed here, so the signature was not checked with it")
        return
    done = run(openssl_line(stage.guardian(1)))
    stage.expect(done.returncode == 0, f"openssl alone: {done.stdout.strip() or done.stderr.strip()}")


def late(stage: Stage) -> None:
    """Recordings that were under way arrive after the erasure."""
    narrator = stage.narrator
    with narrator.chapter("A recording comes late"), Expunge.open(stage.map) as expunge:
        narrator.say(
            "Tablets that were offline deliver what they still hold. The company's ingest asks the gate before it stores anything:"
        )
        expunge.gate_publish()
        gate = expunge.gate(timedelta(minutes=5))
        for request in stage.world.requests:
            recording = stage.world.late[request.person.profile_id]
            stored = ingest(stage, gate, recording)
            stage.expect(not stored, f"{request.person.name}, {recording.at:%d %B}, {recording.sound.seconds:.1f} s: stopped, not stored")
        other = next(person for person in stage.world.people if person.profile_id not in stage.erased)
        allowed = gate.may_use(Subject("profile", other.profile_id), "ingest")
        stage.expect(bool(allowed), f"{other.name}, who stays: allowed")
        stage.expect(not _came_in(stage), "no recording of the three came back")
        looks = [expunge.verify(order) for order in stage.orders]
        # Why again: a database may write while it is looked at.
        looks = [expunge.verify(order) if look.failed and not look.found else look for order, look in zip(stage.orders, looks, strict=True)]
        found, usable = sum(look.found for look in looks), sum(look.usable for look in looks)
        failed = {store: why for look in looks for store, why in look.failed.items()}
        blind = "".join(f"; {store}: {why}" for store, why in sorted(failed.items()))
        stage.expect(usable > 0 and not found and not failed, f"expunge verify looks again with the traces it kept: {found} found{blind}")


def ingest(stage: Stage, gate: Gate, recording: Recording) -> bool:
    """Run the company's own pipeline, in two lines. Return whether the recording was stored."""
    if not gate.may_use(Subject("profile", recording.who[0].profile_id), "ingest"):
        return False
    client = stage.world.services.s3()
    put_recording(stage.world, client, recording)
    client.close()
    return True


def _came_in(stage: Stage) -> list[str]:
    client = stage.world.services.s3()
    late = {recording.path for recording in stage.world.late.values()}
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=stage.world.services.bucket)
    found = [each["Key"] for page in pages for each in page.get("Contents", ()) if each["Key"] in late]
    client.close()
    return found
