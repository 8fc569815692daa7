"""Compare a bucket with the map, and find features of the bucket that keep copies of erased objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from expunge.core.datamap.datamap import ByField
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.outcome import Reason
from expunge.stores.s3.bucket_connection import Bucket
from expunge.stores.s3.bucket_tree import BucketTree
from expunge.stores.s3.client import BucketTrouble, NoBucket
from expunge.stores.tree.check import DECLARE, NamesCheck
from expunge.stores.tree.folder_layout import FolderLayout

_NAMED_SINGLY = 3
"""Undeclared keys below one prefix that are named one by one; more are counted."""
_OPAQUE = "name objects by an opaque id of their own, and keep in a table whose it is; erase that row with them"


class BucketCheck:
    """One comparison."""

    def __init__(self, bucket: Bucket, layouts: Sequence[FolderLayout], ignored: Sequence[str]) -> None:
        self._bucket = bucket
        self._names = NamesCheck(bucket.store, layouts, ignored)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong or not declared. Raises BucketTrouble when the service is out of reach."""
        yield from self._names.templates()
        yield from self._identifying()
        try:
            tree = BucketTree(self._bucket)
            empty = True
            for finding in self._keys(tree):
                empty = False
                if finding:
                    yield finding
            if empty:
                yield self._note(".", "nothing lies under the prefix", "correct `url:` if that is a surprise")
            yield from self._uploads()
        except NoBucket:
            yield self._names.finding(FindingKind.MISSING, ".", "there is no such bucket", "correct `url:`, or make the bucket")
            return
        except BucketTrouble as trouble:
            if trouble.unable.reason is not Reason.PERMISSION:
                raise
            mend = "give this key the rights listed in the reference of the s3 store"
            yield self._names.finding(FindingKind.PERMISSION, ".", "the bucket cannot be listed or read", mend)
            return
        for sentence in copies_elsewhere(self._bucket):
            yield self._note(".", sentence, "nothing, if that is wanted: each receipt says so")

    def _identifying(self) -> Iterator[Finding]:
        for layout in self._names.layouts:
            if not isinstance(layout.dataset.subject, ByField):
                continue
            for template in layout.templates:
                named = sorted(set(layout.dataset.subject_fields) & template.placeholders)
                if named:
                    what = f"keys hold {', '.join(named)}: the provider's indexes, logs and inventories keep names after objects are gone"
                    yield self._note(layout.dataset.name, what, _OPAQUE)

    def _keys(self, tree: BucketTree) -> Iterator[Finding | None]:
        """The findings about keys; None for each that is in order."""
        undeclared: dict[str, list[str]] = {}
        counts: dict[str, int] = {}
        for page in self._bucket.pages("", versioned=tree.hand.versioned):
            for key in page:
                yield None
                if self._names.is_ignored(key) or key == "":
                    continue
                declaring = self._names.declaring(key)
                for layout in declaring:
                    yield from self._names.declared(key, layout, lambda key=key: tree.states(key))  # type: ignore[misc]
                if not declaring:
                    top = key.partition("/")[0] + "/" if "/" in key else "."
                    counts[top] = counts.get(top, 0) + 1
                    if counts[top] <= _NAMED_SINGLY:
                        undeclared.setdefault(top, []).append(key)
        for top, count in counts.items():
            if count > _NAMED_SINGLY:
                yield self._names.finding(FindingKind.UNDECLARED, top, f"{count} objects that no dataset declares", DECLARE)
                continue
            for key in undeclared[top]:
                yield self._names.finding(FindingKind.UNDECLARED, key, "an object that no dataset declares", DECLARE)

    def _uploads(self) -> Iterator[Finding]:
        """Uploads that are under way, or were given up: their parts are data that no listing of objects shows."""
        declared = stray = 0
        for upload in self._bucket.uploads():
            if self._names.is_ignored(upload.key):
                continue
            if self._names.declaring(upload.key):
                declared += 1
            else:
                stray += 1
        mend = "abort what nobody will finish; a lifecycle rule (AbortIncompleteMultipartUpload) does so by itself"
        if stray:
            yield self._names.finding(FindingKind.UNDECLARED, ".", f"{stray} unfinished uploads to keys that no dataset declares", mend)
        if declared:
            yield self._note(".", f"{declared} unfinished uploads", mend)

    def _note(self, where: str, what: str, mend: str) -> Finding:
        return self._names.finding(FindingKind.NOTE, where, what, mend)


def copies_elsewhere(bucket: Bucket) -> tuple[str, ...]:
    """Return sentences about copies that the bucket's own configuration makes of its objects, as far as this key may ask.

    Raises BucketTrouble when the service is out of reach.
    """
    said: list[str] = []
    rules = _asked(bucket, "get_bucket_replication").get("ReplicationConfiguration", {}).get("Rules", ())
    places = sorted(
        {str(rule.get("Destination", {}).get("Bucket", "")).rpartition(":")[2] for rule in rules if rule.get("Status") == "Enabled"}
    )
    if places:
        said.append(f"replicas that the bucket's own replication keeps in {', '.join(places)}: deletions of versions do not reach them")
    logging = _asked(bucket, "get_bucket_logging").get("LoggingEnabled", {})
    if logging:
        said.append(f"server access logs, which name keys, in {logging.get('TargetBucket', 'another bucket')}")
    inventories = _asked(bucket, "list_bucket_inventory_configurations").get("InventoryConfigurationList", ())
    if inventories:
        said.append(f"{len(inventories)} inventories, which list keys")
    events = _asked(bucket, "get_bucket_notification_configuration")
    if any(name.endswith("Configurations") and events[name] for name in events):
        said.append("event notifications, which name keys, in the queues and functions that the bucket sends them to")
    lifecycle = _asked(bucket, "get_bucket_lifecycle_configuration").get("Rules", ())
    days = [rule["NoncurrentVersionExpiration"].get("NoncurrentDays") for rule in lifecycle if rule.get("NoncurrentVersionExpiration")]
    if days:
        said.append(f"the bucket's lifecycle lets old versions that others make lie for {max(day or 0 for day in days)} days")
    if any(rule.get("Transitions") or rule.get("NoncurrentVersionTransitions") for rule in lifecycle):
        said.append(
            "objects that the bucket's lifecycle moved to an archive class go at once; the provider may charge their least time there"
        )
    return tuple(said)


def _asked(bucket: Bucket, operation: str) -> Any:
    try:
        return bucket.call(operation)
    except FileNotFoundError:
        return {}
    except BucketTrouble as trouble:
        if trouble.unable.reason is Reason.UNREACHABLE:
            raise
        return {}
