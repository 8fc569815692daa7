"""Find obstacles to erasing from a bucket, without changing an object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from expunge.core.values.copy import Copy
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.s3.bucket_connection import Bucket
from expunge.stores.s3.bucket_tree import BucketTree
from expunge.stores.s3.client import refusal
from expunge.stores.s3.object_rewrite import LARGEST, TOO_LARGE, refused_condition
from expunge.stores.tree.folder_layout import FolderLayout, WantedValues
from expunge.stores.tree.record_files import Unreadable

_NAME = ".expunge-rights"
"""A key that no object has."""


class BucketPreflight:
    """Foreseeable reasons, one dataset at a time."""

    def __init__(self, bucket: Bucket, layout: FolderLayout) -> None:
        self._bucket = bucket
        self._layout = layout
        self._tree = BucketTree(bucket)

    def reasons(self, copies: Sequence[Copy]) -> tuple[Unable, ...]:
        """Each reason once. Raises BucketTrouble when the service is out of reach."""
        wanted = WantedValues(copy.selector for copy in copies if copy.selector)
        keys = list(dict.fromkeys(key for copy in copies for key in copy.keys))
        # Why before the first key: a bucket that does not answer stands in the way of those too who have nothing in it yet.
        version = "null" if self._tree.hand.versioned else ""
        if not keys:
            return ()
        found = [*self._right_to_delete(keys[0], version)]
        many = [key for key in keys if self._layout.dataset.format and not self._layout.says(key, wanted).whole]
        if many and self._layout.rewritten:
            condition = refused_condition(self._bucket, many[0])
            found += [condition] if condition else []
        for key in many:
            found += self._about(key, wanted)
        return tuple(dict.fromkeys(found))

    def _right_to_delete(self, key: str, version: str) -> Iterator[Unable]:
        """Delete what is not there: no version of no object. A service that refuses this would refuse the real thing."""
        name = f"{key.rpartition('/')[0]}/{_NAME}".lstrip("/")
        for code in self._bucket.delete([(name, version)]).values():
            yield refusal(code)

    def _about(self, key: str, wanted: WantedValues) -> Iterator[Unable]:
        for state in self._tree.states(key):
            try:
                with state.open() as file:
                    for _ in self._layout.read(file, key, (*wanted.fields, *self._layout.beside(wanted))):
                        pass
                    if file.tell() > LARGEST:
                        yield TOO_LARGE
            except FileNotFoundError:
                continue
            except Unreadable as error:
                detail = f"{self._layout.dataset.name}: an object cannot be read: {error}; `expunge check` names it"
                yield Unable(Reason.CORRUPT, detail)
