"""Post lineage events to a service that speaks OpenLineage over HTTP."""

from __future__ import annotations

from expunge.adapters.outbound import posting
from expunge.core.datamap.lineage_spec import Emission
from expunge.errors import StoreUnavailable

SECONDS = 10.0


def post(emission: Emission, event: bytes) -> None:
    """Post one event. Raises StoreUnavailable for anything but an answer of 2xx; its message holds neither URL nor answer."""
    try:
        # The reader of the map has refused addresses that are not safe.
        status, _ = posting.post(emission.url, event, token=emission.token, timeout=SECONDS)
    except posting.ServiceUnreached as error:
        message = f"the lineage service cannot be reached: {error}"
    else:
        if 200 <= status < 300:
            return
        message = f"the lineage service answered {status}"
    raise StoreUnavailable(message, help="see lineage.emit in the map; `expunge lineage tell` tries again")
