"""*Device* is the deepest word of a receipt: the medium is gone, or was sealed from the first byte under a key of which no copy is left."""

from __future__ import annotations

import io

import pytest

from expunge.core.datamap.grounding import Grounding
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from tests.vault.doorbells import ANNA, BELA, Doorbells, path_of, speech


def depth_of(home: Doorbells, run: Run) -> Grounding:
    with home.open() as opened:
        files = opened.receipt_folder(run.order)
    receipt = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
    (found,) = [each.claimed for each in receipt.datasets if each.dataset == "doorbell"]
    return found


@pytest.mark.duty("NST-02")
@pytest.mark.parametrize("clear_before", [False, True], ids=["streamed", "lay-in-the-clear"])
def test_no_receipt_says_device_while_a_copy_of_the_key_can_be_opened(home: Doorbells, *, clear_before: bool) -> None:
    """When an order ends, the epoch of its keys lives: whether a recording ever lay in the clear or not, *scrubbed* is all that is said."""
    home.ring(BELA, "r-1", speech(1))
    with home.open() as opened:
        name = path_of(ANNA, "r-1")
        opened.vault.ingest("doorbell", name, io.BytesIO(speech(0)), clear_before=clear_before)
        assert [each.clear_before for each in opened.vault.recordings("doorbell") if each.name == name] == [clear_before]
    run = home.erase(ANNA)
    assert run.state is OrderState.FULFILLED
    assert depth_of(home, run) is Grounding.SCRUBBED


@pytest.mark.duty("NST-02")
def test_a_map_that_asks_for_device_is_not_told_that_it_was_reached(home: Doorbells) -> None:
    """The receipt says how deep it went, and that this is less than the map asks for."""
    home.map.write_text(home.map.read_text().replace("    categories: [user.bio", "    grounding: device\n    categories: [user.bio"))
    home.ring(ANNA, "r-1", speech(0))
    home.ring(BELA, "r-1", speech(1))
    run = home.erase(ANNA)
    assert run.state is OrderState.IN_PART
    assert depth_of(home, run) < Grounding.DEVICE
    with home.open() as opened:
        assert not [each for each in opened.vault.recordings("doorbell") if ANNA in each.name]
