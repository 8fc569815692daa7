"""Probe a bucket for erased objects, by every normal way of reading it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from expunge.core.values.copy import Copy, Probed
from expunge.core.values.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.stores.s3.bucket_connection import Bucket
from expunge.stores.s3.bucket_tree import BucketTree
from expunge.stores.s3.client import BucketTrouble
from expunge.stores.tree.content import TreeContent
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.search import TreeSearch


class BucketProbe:
    """One probe, over a connection of its own."""

    def __init__(self, bucket: Bucket, layout: FolderLayout) -> None:
        self._bucket = bucket
        self._layout = layout

    def answers(self, copies: Sequence[Copy]) -> Iterator[Probed]:
        """One answer for each subject."""
        paths = ("listing", "versions", "uploads", "head", "get", *(("records",) if self._layout.dataset.format else ()))
        found: dict[Pseudonym, Copy] = {}
        named: dict[str, bool] = {}
        could_not = ""
        try:
            tree = BucketTree(self._bucket)
            search, show = TreeSearch(tree, self._layout), TreeContent(tree, self._layout)
            found = {each.subject: each for each in search.locate([copy.selector for copy in copies if copy.selector])}
            could_not = "an object cannot be read" if search.unreadable else ""
            seen = {key for each in found.values() for key in each.keys}
            asked = list({key for copy in copies for key in copy.keys if key not in seen and show.lastingly(copy, key)})
            named = dict(zip(asked, self._bucket.each(self._answers_to, asked), strict=True))
        except BucketTrouble as trouble:
            could_not = trouble.unable.detail
        except CouldNotLook as error:
            could_not = error.message
        for copy in copies:
            again = found.get(copy.subject)
            left = sum(named.get(key, False) for key in copy.keys if again is None or key not in again.keys)
            yield Probed(copy.subject, (again.items if again else 0) + left, paths, could_not)

    def _answers_to(self, key: str) -> bool:
        """Whether the service still gives anything out under a key."""
        try:
            self._bucket.head(key)
        except FileNotFoundError:
            try:
                self._bucket.read(key, 0, 1)
            except FileNotFoundError:
                return False
        return True
