"""Posts lineage events to a service that speaks OpenLineage over HTTP."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from email.message import Message
from typing import IO

from expunge.core.lineage_spec import Emission
from expunge.errors import StoreUnavailable

SECONDS = 10.0


class _Stay(urllib.request.HTTPRedirectHandler):
    """Go nowhere else: a token is for the service that the map names."""

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> None:  # noqa: ARG002 - the base class's
        return None


def post(emission: Emission, event: bytes) -> None:
    """Post one event. Raises StoreUnavailable for anything but an answer of 2xx; its message holds neither URL nor answer."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {emission.token}"} if emission.token else {})}
    # The reader of the map lets https through, and http to this machine.
    request = urllib.request.Request(emission.url, event, headers, method="POST")  # noqa: S310
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=SECONDS):
            return
    except urllib.error.HTTPError as error:
        with error:
            message = f"the lineage service answered {error.code}"
    except (OSError, http.client.HTTPException) as error:
        message = f"the lineage service cannot be reached: {type(error).__name__}"
    raise StoreUnavailable(message, help="see lineage.emit in the map; `expunge lineage tell` tries again")
