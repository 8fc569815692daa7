"""Large results lie in large pages, where the system has them, and hold the same bytes as others."""

from __future__ import annotations

import ctypes
import mmap
import random
from pathlib import Path

import pytest

from expunge.vault import chunked, large_pages
from expunge.vault.chunked import open_sealed, seal, sealed_size

KEY, CONTEXT = bytes(range(32)), b"expunge/vault/1\0recordings\0one"
SMAPS = Path("/proc/self/smaps")


def is_advised(view: memoryview) -> bool:
    """Whether the kernel notes the advice of the mapping in which the middle of some memory lies (proc_pid_smaps(5), ``hg``)."""
    middle, inside = ctypes.addressof(ctypes.c_char.from_buffer(view)) + len(view) // 2, False
    for line in SMAPS.read_text().splitlines():
        first = line.split()[0]
        if "-" in first:
            start, end = (int(each, 16) for each in first.split("-"))
            inside = start <= middle < end
        elif inside and first == "VmFlags:":
            return "hg" in line.split()
    raise AssertionError("the memory is in no mapping")


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE") or not SMAPS.exists(), reason="the system has no such advice")
def test_memory_for_a_large_result_is_asked_for_in_large_pages() -> None:
    whole, view = chunked._blank(large_pages.LEAST)
    with view:
        assert is_advised(view)
        view[0] = view[-1] = 1
    assert len(whole.getvalue()) == large_pages.LEAST


def test_memory_for_a_smaller_result_is_taken_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Why the question alone: the piece may lie in memory for which an earlier one asked.
    asked: list[None] = []
    monkeypatch.setattr(large_pages, "_advise", lambda: asked.append(None))
    _, view = chunked._blank(large_pages.LEAST - 1)
    view.release()
    assert asked == []
    _, view = chunked._blank(large_pages.LEAST)
    view.release()
    assert asked == [None]


@pytest.mark.parametrize("size", [sealed_size(large_pages.LEAST), large_pages.LEAST + 12_345])
def test_what_lies_in_large_pages_is_what_a_system_without_them_makes(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = random.Random(size).randbytes(size)
    monkeypatch.setattr(chunked.secrets, "token_bytes", bytes)
    large = seal(KEY, content, CONTEXT)
    assert open_sealed(KEY, large, CONTEXT) == content
    monkeypatch.setattr(large_pages, "_advise", lambda: None)
    assert seal(KEY, content, CONTEXT) == large
    assert open_sealed(KEY, large, CONTEXT) == content
