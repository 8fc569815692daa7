"""The tokens of the test's own SoftHSM, pulled out for the length of a block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expunge.adapters.roots import pkcs11_guard


@contextmanager
def pulled() -> Iterator[None]:
    """Have the library find no token."""
    tokens = Path(os.environ["SOFTHSM2_CONF"]).with_name("tokens")
    hidden = tokens.with_name("pulled")
    tokens.rename(hidden)
    tokens.mkdir()
    pkcs11_guard.forget_tokens()
    try:
        yield
    finally:
        tokens.rmdir()
        hidden.rename(tokens)
        pkcs11_guard.forget_tokens()
