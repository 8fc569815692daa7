"""Whatever a map may call a store or dataset has a word that the shelf takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.adapters.files.shelf_files import FileShelf
from expunge.core.values.ids import OrderId
from expunge.engine.kernel.shelf_words import shelf_word


@pytest.mark.parametrize("name", ["Customer", "customer", "a.b-c_d", "x" * 63, "Äpfel"])
def test_the_shelf_takes_the_word(tmp_path: Path, name: str) -> None:
    shelf = FileShelf(tmp_path)
    file = f"instruction-{shelf_word(name)}.sealed"
    shelf.put(OrderId("ord-a"), file, b"x")
    assert shelf.get(OrderId("ord-a"), file) == b"x"


def test_two_names_have_two_words_and_a_plain_name_its_own() -> None:
    assert shelf_word("Customer") != shelf_word("customer") == "customer"
    assert shelf_word("y" * 62) != shelf_word("y" * 63)
