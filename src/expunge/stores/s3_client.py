"""The client library behind a bucket, and what the words of an S3 service mean."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Mapping
from typing import Any

from expunge.core.outcome import Reason, Unable
from expunge.errors import Misconfigured
from expunge.stores.records import Unreadable
from expunge.stores.tree import Trouble

WIDTH = 8
"""Calls under way at once."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 509})
_AGAIN_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException"})
_REFUSED = frozenset({401, 403})
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404", "MethodNotAllowed"})
_ARCHIVED = frozenset({"InvalidObjectState"})
_CODE = re.compile(r"[A-Za-z]{1,60}|[1-5][0-9][0-9]")


class BucketTrouble(Trouble):
    """The service could not or would not; what it said is in ``unable``, without keys."""

    def __init__(self, unable: Unable, code: str = "") -> None:
        super().__init__(unable)
        self.code = code
        """The service's own word (``AccessDenied``)."""


class NoBucket(BucketTrouble):
    """There is no such bucket."""


class Changed(Unreadable):
    """A conditional call found another object than the one that was read: somebody else wrote."""

    def __init__(self) -> None:
        super().__init__("it was replaced while it was being read")


def refusal(code: str) -> Unable:
    """What a service's word for one key means: the reason, and the word itself where it is one."""
    shown = code if _CODE.fullmatch(code) else "an unknown code"
    if code in {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem"}:
        return Unable(Reason.PERMISSION, f"the service refuses: {shown}; see the rights listed in the reference of the s3 store")
    if code in _AGAIN_CODES or (code.isdigit() and int(code) in _AGAIN):
        return Unable(Reason.UNREACHABLE, f"the service is busy or failing: {shown}")
    if code in _ARCHIVED:
        return Unable(Reason.UNSUPPORTED, "an object lies in an archive class and cannot be read: restore it, then run again")
    return Unable(Reason.ERROR, f"the service says {shown}")


def said(response: Mapping[str, Any]) -> tuple[Exception, bool]:
    """What an error answer means, and whether to ask again."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return NoBucket(Unable(Reason.UNREACHABLE, "there is no such bucket: correct `url:`"), code), False
    if code in _CHANGED or status == 412:
        return Changed(), False
    if code in ABSENT:
        return FileNotFoundError(), False
    if status in _AGAIN or code in _AGAIN_CODES:
        return BucketTrouble(Unable(Reason.UNREACHABLE, f"the service goes on answering {status}"), code), True
    if status in _REFUSED:
        return BucketTrouble(refusal("AccessDenied" if code.isdigit() else code), code), False
    return BucketTrouble(refusal(code), code), False


def asked_to_wait(response: Mapping[str, Any]) -> float:
    """Seconds that the answer asks us to wait for (``Retry-After``); 0 when it does not say."""
    header = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(header) if header.isdigit() else 0.0


@functools.cache
def _session() -> Any:
    import botocore.session

    session = botocore.session.get_session()
    # Dates stay text: parsing those of a listing would take three quarters of its time.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=lambda text: text)
    return session


_making = threading.Lock()


def new_client(store: str, options: Mapping[str, str]) -> Any:
    """A client for ``endpoint``, ``region``, ``access_key`` and ``secret_key`` of the options; what is missing comes from the environment.

    Raises Misconfigured when the library is not installed or refuses the settings.
    """
    try:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        message = f"store {store}: the library for S3 is not installed"
        raise Misconfigured(message, help="pip install 'expunge[s3]'") from error
    config = Config(
        s3={"addressing_style": "path"} if "endpoint" in options else {},
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=2 * WIDTH,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with _making:
        try:
            return _session().create_client(
                "s3",
                region_name=options.get("region") or ("us-east-1" if "endpoint" in options else None),
                endpoint_url=options.get("endpoint"),
                aws_access_key_id=options.get("access_key"),
                aws_secret_access_key=options.get("secret_key"),
                config=config,
            )
        except (BotoCoreError, ValueError) as error:
            message = f"store {store}: the settings for S3 cannot be used"
            raise Misconfigured(message, help="see `endpoint:`, `region:`, `access_key:` and `secret_key:` of the store") from error
