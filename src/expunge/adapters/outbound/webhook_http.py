"""Post messages to web hooks. :mod:`expunge.adapters.outbound.posting` has the limits of a post."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from expunge.adapters.outbound import posting
from expunge.core.accounts.app_spec import WebhookSpec
from expunge.core.orders.webhooks import WebhookMessage, read_secret, signature
from expunge.errors import KeystoreLocked, Misconfigured, Undelivered

SECONDS = 10.0
"""In which a hook has to answer, from the connection to the end of the answer."""


class HttpWebhooks:
    """Implements ``expunge.ports.families.webhook_courier.WebhookCourier``."""

    def __init__(self, secret_of: Callable[[WebhookSpec], str], within: float = SECONDS) -> None:
        """Set up.

        Args:
            secret_of: reads the secret of a hook, anew at each try: it may be changed. Raises KeystoreLocked and Misconfigured.
            within: seconds in which a hook has to answer.
        """
        self._secret_of, self._within = secret_of, within

    def deliver(self, spec: WebhookSpec, message: WebhookMessage, now: datetime) -> None:
        """See the port."""
        try:
            key = read_secret(self._secret_of(spec))
        except (KeystoreLocked, Misconfigured) as error:
            raise Undelivered(error.message, help=error.help) from error
        except ValueError as error:
            raise Undelivered(str(error), help="printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\" > FILE") from error
        timestamp = int(now.timestamp())
        headers = {
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(key, message.id, timestamp, message.body),
        }
        try:
            status, _ = posting.post(spec.url, message.body, headers=headers, timeout=self._within, within=self._within)
        except posting.UnsafeAddress as error:
            raise Undelivered(str(error), help="write an https address in the map") from error
        except posting.ServiceUnreached as error:
            fault = f"no answer: {error}"
            raise Undelivered(fault, help="see whether the server of the web hook runs") from error
        if not 200 <= status < 300:
            fault = f"answered {status}"
            raise Undelivered(fault, help="redirects are not followed; check the address in the map")
