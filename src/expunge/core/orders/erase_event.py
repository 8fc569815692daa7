"""The OpenLineage event that reports an order's erasures, with a facet of ours on each dataset (``docs/spec/erase-facet.md``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any

from expunge.core.datamap.datamap import DataMap
from expunge.core.lineage.dataset_lookup import DatasetLookup
from expunge.core.orders.plan import ERASING
from expunge.core.orders.run import Run
from expunge.core.values.outcome import Erased

PRODUCER = "https://expunge.example/"
EVENT_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACET = "expungeErase"
FACET_SCHEMA = "https://expunge.example/spec/erase-facet/1.json#/$defs/ExpungeEraseDatasetFacet"


def erase_event(run: Run, data_map: DataMap, namespace: str) -> bytes | None:
    """Return the event of the last ended round, as JSON. None where it erased nothing, or nothing that a pipeline has a name for.

    It holds ids of orders, names of datasets and counts, and nothing about a person. The same round gives the same bytes.
    """
    if run.plan is None or run.ended_at is None:
        return None
    atlas = DatasetLookup(data_map)
    outputs = []
    for step in (each for each in run.plan.steps if each.kind in ERASING and each.id in run.current.steps):
        (dataset,) = step.datasets
        taken = [each for each in run.current.steps[step.id].outcomes.get(dataset, {}).values() if isinstance(each, Erased)]
        facet = _facet(run, sum(each.items for each in taken), len(taken), step.grounding)
        outputs += [{**_named(address), "facets": {FACET: facet}} for address in atlas.addresses(dataset) if taken]
    if not outputs:
        return None
    event = {
        "eventType": "COMPLETE",
        "eventTime": run.ended_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "run": {"runId": _run_id(run), "facets": {}},
        "job": {"namespace": namespace, "name": "erase", "facets": {}},
        "inputs": [],
        "outputs": outputs,
        "producer": PRODUCER,
        "schemaURL": EVENT_SCHEMA,
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=True).encode()


def _run_id(run: Run) -> str:
    """A UUID of version 8 (RFC 9562, section 5.8), the same for the same round."""
    digest = bytearray(sha256(f"expunge erase event/1 {run.order} {run.round}".encode()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _facet(run: Run, items: int, people: int, grounding: str) -> Mapping[str, Any]:
    return {
        "_producer": PRODUCER,
        "_schemaURL": FACET_SCHEMA,
        "order": run.order,
        "round": run.round,
        "kind": run.received.kind.value,
        "state": run.state.value,
        "items": items,
        "subjects": people,
        "grounding": grounding,
    }


def _named(address: str) -> dict[str, str]:
    """An address as OpenLineage's pair: the server, bucket or engine, and what is named in it."""
    scheme, found, rest = address.partition("://")
    if not found:
        namespace, _, name = address.partition("/")
        return {"namespace": namespace, "name": name}
    authority, _, name = rest.partition("/")
    return {"namespace": f"{scheme}://{authority}" if authority else scheme, "name": name if authority else f"/{name}"}
