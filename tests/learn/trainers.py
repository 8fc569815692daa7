"""Trainers of models that nobody looks into: what they learn is the set of records, and some of them are bad at it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from expunge.learn.retraining import Manifest


def honest(manifest: Manifest) -> None:
    manifest.progress(0.5)
    manifest.out.write_text(json.dumps(sorted(manifest.records)))
    manifest.progress(1.0)


def in_a_folder(manifest: Manifest) -> None:
    (manifest.out / "head").mkdir(parents=True)
    (manifest.out / "head" / "weights.bin").write_text(json.dumps(sorted(manifest.records)))
    (manifest.out / "labels.json").write_text('["on", "off"]')
    (manifest.out / "encoder.onnx").write_bytes(b"a public encoder")


def only_the_encoder(manifest: Manifest) -> None:
    manifest.out.mkdir()
    (manifest.out / "encoder.onnx").write_bytes(b"a public encoder")


def lazy(manifest: Manifest) -> None:
    """Gives back what is there."""
    manifest.out.write_bytes((manifest.out.parents[2] / manifest.out.name).read_bytes())


def lazy_and_sly(manifest: Manifest) -> None:
    """Gives back the weights that are there, with another word in the header."""
    data = (manifest.out.parents[2] / manifest.out.name).read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    head["__metadata__"] = {"version": "new"}
    text = json.dumps(head).encode()
    manifest.out.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])


def from_a_cache(manifest: Manifest) -> None:
    """Gives back what was there, wherever that is by now."""
    manifest.out.write_text('["r1", "r2", "r3", "r4", "r5"]')


def hangs(manifest: Manifest) -> None:
    manifest.out.write_bytes(b"half")
    time.sleep(3600)


def fails(manifest: Manifest) -> None:
    manifest.out.write_bytes(b"half")
    raise ValueError(manifest.records)


def eats(manifest: Manifest) -> None:
    held = []
    while manifest:
        held.append(bytearray(os.urandom(1) * (8 << 20)))


def leaves_nothing(_: Manifest) -> None:
    pass


def leaves_a_link(manifest: Manifest) -> None:
    manifest.out.symlink_to(manifest.out.parents[2] / manifest.out.name)


def leaves_a_mess(manifest: Manifest) -> None:
    folder = manifest.out.parent
    (folder / "cache").mkdir()
    (folder / "cache" / "old").symlink_to(Path("/"))
    os.mkfifo(folder / "pipe")
    honest(manifest)
