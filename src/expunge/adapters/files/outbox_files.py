"""The outbox as files: ``<order>-<kind>.txt`` for people and ``<order>-<kind>.json`` for the delivering program."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.ports.outbox import Notice

SCHEMA = "expunge.notice/1"
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class FileOutbox:
    """Implements ``expunge.ports.outbox.Outbox`` in ``folder`` (made with mode 0700 when it is not there).

    The delivering program reads the ``.json`` files (the text is inside too), resolves the address of the order at that moment, sends, and
    moves the pair away. Delivery is at least once: a notice that was moved away and is put again after a crash comes again.
    """

    def __init__(self, folder: Path) -> None:
        with guarded("the outbox could not be opened"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    def put(self, order: OrderId, kind: str, text: str, fields: Mapping[str, str]) -> None:
        """Leave a notice; durable when it returns; the same notice again changes nothing. Raises StateUnavailable."""
        self.put_all([(order, kind, text, fields)])

    def put_all(self, notices: Sequence[Notice]) -> None:
        """Leave several notices. Raises as :meth:`put`."""
        written = [
            (self._folder / f"{order}-{kind}.json", notice(order, kind, text, fields), text) for order, kind, text, fields in notices
        ]
        with guarded("a notice could not be left in the outbox"):
            fresh = [each for each in written if not each[0].is_file() or each[0].read_bytes() != each[1]]
            durable.write_all([(path.with_suffix(".txt"), text.encode()) for path, _, text in fresh], at="outbox.put.text")
            # commit point: a notice exists when its .json does.
            durable.write_all([(path, data) for path, data, _ in fresh], at="outbox.put.notice")


def notice(order: OrderId, kind: str, text: str, fields: Mapping[str, str]) -> bytes:
    """Return a notice for programs: canonical JSON. Raises ValueError for an invalid order id or kind of notice."""
    if not _WORD.fullmatch(order) or not _WORD.fullmatch(kind):
        raise ValueError("not an order id or not a kind of notice")
    return canonical.encode({"schema": SCHEMA, "order": order, "kind": kind, "text": text, "fields": dict(fields)})
