"""The section ``review``: what it may say, its faults with lines, and what a reviewer of maps is shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from expunge.core.accounts.review_spec import CameraPlace, ReviewLimits, ReviewSpec, WorkingHours
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.mapdiff import digest, map_diff
from expunge.maps import examine, read_map
from expunge.stores import Kinds

MAP = """\
version: 1
stores: {media: {kind: files, url: ./media}}
identities: {account: {dataset: accounts, key: account_id}}
retention: {short: {period: 30 days, from: modified, purpose: answer, need: the service}}
datasets:
  accounts: {store: media, path: "accounts/{account_id}.json", subject: {account: account_id}, retention: short}
  clips: {store: media, path: "clips/{account_id}/{camera}.mp4", subject: {account: account_id}, retention: short}
"""
WHOLE = """review:
  lease: 5 minutes
  range: 2 minutes
  training: 180 days
  attestation: 1 week
  login: 8 hours
  fresh_login: 5 minutes
  each_day: 1 hour
  answer_within: 3 days
  hours: {days: [friday, Monday], from: "07:30", until: "24:00", zone: Europe/Berlin}
  networks: {vpn: [10.1.0.0/16, 2001:db8::/32], office: 10.0.0.0/16}
  children: clips
  cameras: {clips: {field: camera}, accounts: {room: outdoor}}
  policies: ./policies
  noticing: ./noticing.yaml
  officer: privacy@owl.example
"""


def read(folder: Path, review: str) -> DataMap:
    path = folder / "expunge.yaml"
    path.write_text(MAP + review)
    return read_map(path, {}, kinds=Kinds())


def test_a_map_without_the_section_has_no_review_desk(tmp_path: Path) -> None:
    assert read(tmp_path, "").review is None
    assert read(tmp_path, "review: {}\n").review == ReviewSpec()


def test_every_key_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE).review == ReviewSpec(
        limits=ReviewLimits(5, 120, 180, 7, 8 * 3600, 300, 3600, WorkingHours((1, 5), 450, 1440, "Europe/Berlin"), ("office", "vpn")),
        networks={"vpn": ("10.1.0.0/16", "2001:db8::/32"), "office": ("10.0.0.0/16",)},
        answer_within=timedelta(days=3),
        children=("clips",),
        cameras={"clips": CameraPlace(field="camera"), "accounts": CameraPlace(room="outdoor")},
        policies=str(tmp_path / "policies"),
        noticing=str(tmp_path / "noticing.yaml"),
        officer="privacy@owl.example",
    )


FAULTS = {
    "lease: 2 hours": ("bad-span", "lease: from 1 minute to 60 minutes"),
    "lease: 30 seconds": ("bad-span", "minute"),
    "training: 400 days": ("bad-span", "training: from 1 day to 365 days"),
    "each_day: 12 hours": ("bad-span", "each_day: from 1 minute to 480 minutes"),
    "answer_within: 90 days": ("bad-span", "answer_within: from 1 day to 30 days"),
    "hours: {from: '25:00'}": ("bad-review-desk", "08:00"),
    "hours: {from: '24:30'}": ("bad-review-desk", "08:00"),
    "hours: {from: '12:00', until: '12:00'}": ("bad-review-desk", "until"),
    "hours: {zone: Mars/Olympus}": ("bad-review-desk", "Europe/Berlin"),
    "hours: {zone: ../../etc/passwd}": ("bad-review-desk", "Europe/Berlin"),
    "hours: {days: [someday]}": ("bad-review-desk", "monday"),
    "networks: {office: 10.0.0.1/8}": ("bad-network", "10.0.0.0/8"),
    "networks: {a b: 10.0.0.0/8}": ("bad-name", "a_b"),
    "children: [clip]": ("unknown-dataset", "clips"),
    "cameras: {clip: {room: outdoor}}": ("unknown-dataset", "clips"),
    "cameras: {clips: {room: attic}}": ("bad-review-desk", "bedroom"),
    "cameras: {clips: {room: outdoor, field: camera}}": ("bad-review-desk", "room: outdoor"),
    "cameras: {clips: {}}": ("bad-review-desk", "room: outdoor"),
    "cameras: {clips: {field: place}}": ("bad-review-desk", "a field of it"),
    "officer: the officer": ("bad-review-desk", "officer: privacy@example.com"),
    "leases: 3 minutes": ("unknown-key", "lease"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_told_with_its_line_and_what_to_write(tmp_path: Path, fault: str) -> None:
    rule, instead = FAULTS[fault]
    path = tmp_path / "expunge.yaml"
    path.write_text(f"{MAP}review:\n  {fault}\n")
    (found,) = examine(path, {}, kinds=Kinds()).faults
    assert (found.rule, found.line) == (rule, MAP.count("\n") + 2)
    assert instead in found.write_instead


def test_what_is_guarded_less_is_told_and_no_plan_has_to_be_made_anew(tmp_path: Path) -> None:
    before = read(tmp_path, WHOLE)
    weaker = {
        "lease: 5 minutes": ("lease: 9 minutes", "leases to see recordings last longer"),
        "attestation: 1 week": ("attestation: 2 weeks", "a reviewer's statement of purpose counts for longer"),
        "office: 10.0.0.0/16": ("office: 10.0.0.0/8", "recordings are reviewed from more networks"),
        "children: clips": ("children: []", "recordings of children take one approval less"),
    }
    either_way = {
        '"07:30"': ('"07:00"', "recordings are reviewed at other hours"),
        "{field: camera}": ("{room: outdoor}", "other recordings count as taken outdoors, which takes one approval less"),
        "policies: ./policies": ("policies: ./others", "rules of the company's own are read from another place, or not at all"),
    }
    for was, (becomes, told) in (weaker | either_way).items():
        after = read(tmp_path, WHOLE.replace(was, becomes))
        (change,) = map_diff(before, after)
        assert change.weaker == (told,)
        assert digest(before) == digest(after)
        if was in weaker:
            (change,) = map_diff(after, before)
            assert change.weaker == ()
    (added,) = map_diff(read(tmp_path, ""), before)
    assert added.weaker == ("staff may see and hear recordings, as policies let them",)
