"""Post instructions to recipients. :mod:`expunge.adapters.outbound.posting` has the limits of a post."""

from __future__ import annotations

import json

from expunge.adapters.outbound import posting
from expunge.errors import Undelivered


class HttpCourier:
    """See :class:`expunge.ports.courier.Courier`."""

    def deliver(self, url: str, body: bytes) -> None:
        """Any answer of the 200s counts as taken."""
        self._post(url, body)

    def ask(self, url: str, body: bytes) -> int:
        """The answer is ``{"held": n}``."""
        answer = self._post(url, body)
        try:
            held = json.loads(answer)["held"]
        except (ValueError, TypeError, KeyError) as error:
            raise Undelivered('the recipient\'s answer is not {"held": NUMBER}') from error
        if type(held) is not int or held < 0:
            raise Undelivered('the recipient\'s answer is not {"held": NUMBER}')
        return held

    def _post(self, url: str, body: bytes) -> bytes:
        try:
            status, answer = posting.post(url, body)
        except posting.UnsafeAddress as error:
            raise Undelivered("instructions name people: they are posted over https, over http to this machine alone") from error
        except posting.ServiceUnreached as error:
            message = f"the recipient could not be reached: {error}"
            raise Undelivered(message, help="try again later, or carry the instruction there: `expunge recipient show`") from error
        if not 200 <= status < 300:
            message = f"the recipient answered {status}"
            raise Undelivered(message, help="redirects are not followed; check the address in the map")
        return answer
