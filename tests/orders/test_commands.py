"""The regulator's way through the command line, from the file to the draft."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.running import expunge
from tests.orders.camera import Home
from tests.orders.worlds import ORDERS

RING = ORDERS / "ring.yaml"


@pytest.mark.duty("DSG-01", "DSG-07", "RNG-05")
def test_from_the_file_to_the_draft(home: Home, tmp_path: Path) -> None:
    at = ("--map", home.world.map)
    shown = expunge("order", "disgorge", RING, "--preview", *at)
    assert shown.code == 0
    assert "recordings (II.A.1): 2 items to go" in shown.out
    assert "models/edge: reviews -> [trained on] models/person -> [distilled from] models/edge" in shown.out
    assert "delete due 2023-07-16" in shown.out
    assert expunge("order", "show", *at).out == "no order of destruction was entered here\n", "a preview enters nothing"
    assert expunge("order", "disgorge", RING, *at).code == 2, "nobody said yes"
    entered = expunge("order", "disgorge", RING, "--yes", "--json", *at).json
    name = entered["id"]
    assert entered["schema"] == "expunge.disgorgement/1"
    claim = ("order", "except", name, "models/edge", "--limb", "work-product", "--ground", "burnt into doorbells", "--authority",
             "head of firmware", "--as", "chief")  # fmt: skip
    assert expunge(*claim, *at).code == 2, "unsigned"
    message = expunge(*claim, "--message", *at).out
    assert message.startswith(f"expunge exception/1\n{name}\nwork-product\nmodels/edge\ntechnically infeasible\n")
    assert expunge(*claim, "--key", tmp_path / "chief.pem", *at).code == 0
    again = expunge("order", "disgorge", "--again", name, "--yes", "--json", *at).json
    orders = [each["orders"][-1] for each in again["limbs"]]
    for order in orders:
        assert expunge("plan", order, *at).code == 0
        assert expunge("approve", order, "--as", "chief", "--key", tmp_path / "chief.pem", *at).code == 0
    refused = expunge("order", "statement", name, "--out", tmp_path / "draft", *at)
    assert refused.code == 1
    assert "is approved" in refused.err
    assert expunge("apply", *orders, "--yes", *at).code == 0
    drafted = expunge("order", "statement", name, "--out", tmp_path / "draft", *at)
    assert drafted.code == 0, drafted.err
    page = (tmp_path / "draft" / "statement.html").read_text()
    for href in re.findall(r'href="([^"]+)"', page):
        assert (tmp_path / "draft" / href).is_file(), href
    for folder in sorted((tmp_path / "draft" / "receipts").iterdir()):
        assert expunge("receipt", "verify", folder, "--trust", folder / "trust-policy.txt").code == 0
    assert expunge("order", "forward-check", name, *at).out == "the order has no limb that looks forward\n"
    assert [each["id"] for each in expunge("order", "show", "--json", *at).json["orders"]] == [name]


def test_bad_input_is_explained(home: Home, tmp_path: Path) -> None:
    at = ("--map", home.world.map)
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(RING.read_text().replace("takes: [embedding]", "takes: [embeddings]"))
    told = expunge("order", "disgorge", faulty, "--preview", *at)
    assert told.code == 1
    assert re.search(r"faulty\.yaml:\d+: limbs\.face-embeddings\.takes: 'embeddings' is not understood", told.err)
    assert "did you mean 'embedding'?" in told.err
    for arguments in (("disgorge",), ("disgorge", RING, "--again", "dis-1"), ("show", "dis-1"), ("forward-check", "dis-1")):
        told = expunge("order", *arguments, *at)
        assert told.code == 2, arguments
        assert "Traceback" not in told.err
