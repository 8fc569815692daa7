"""Lists that fill a cell are taken apart, and other text is none."""

from __future__ import annotations

import pytest

from expunge.core.datamap.listed_values import listed


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3,7,12", ["3", "7", "12"]),
        ("[3, 7]", ["3", "7"]),
        ("{3,7}", ["3", "7"]),
        ("(3|7)", ["3", "7"]),
        (",7,", ["7"]),
        ("3 7 12", ["3", "7", "12"]),
        ("ann; bob", ["ann", "bob"]),
        ("'3','7'", ["3", "7"]),
        ("{'3', 7}", ["3", "7"]),
        ("7", []),
        ("-7", []),
        ("ann", []),
        ("she saw 7 of them, and left", []),
        ("12:30", []),
        ("2024-05-01", []),
        ("", []),
    ],
)
def test_values_between_separators(text: str, values: list[str]) -> None:
    assert [value for name, value in listed(text) if not name] == values


def test_elements_of_a_document_have_the_name_of_their_field() -> None:
    text = '{"who": [7, "8"], "n": 3.0, "in": {"who": [{"id": 9}]}, "by": {"12": true}, "long": "' + "x" * 100 + '"}'
    assert sorted(listed(text)) == [("by", "12"), ("id", "9"), ("n", "3"), ("who", "7"), ("who", "8")]
