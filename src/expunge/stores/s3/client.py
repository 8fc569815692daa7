"""The client library behind a bucket, and the meaning of an S3 service's error codes."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import unquote_plus

from expunge.core.values.outcome import Reason, Unable
from expunge.errors import Misconfigured
from expunge.stores.tree.interface import NameTrouble
from expunge.stores.tree.record_files import Unreadable

WIDTH = 8
"""Calls under way at once."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 509})
_AGAIN_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException"})
_REFUSED = frozenset({401, 403})
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404", "MethodNotAllowed"})
_ARCHIVED = frozenset({"InvalidObjectState"})
_CODE = re.compile(r"[A-Za-z]{1,60}|[1-5][0-9][0-9]")


class BucketTrouble(NameTrouble):
    """The service could not or would not; its answer is in ``unable``, without keys."""

    def __init__(self, unable: Unable, code: str = "") -> None:
        super().__init__(unable)
        self.code = code
        """The service's own word (``AccessDenied``)."""


class NoBucket(BucketTrouble):
    """The bucket does not exist."""


class ObjectChanged(Unreadable):
    """A conditional call found another object than was read: another writer replaced it."""

    def __init__(self) -> None:
        super().__init__("it was replaced while it was being read")


def refusal(code: str) -> Unable:
    """Return the meaning of a service's error code for one key: the reason, and the code itself where it is well-formed."""
    shown = code if _CODE.fullmatch(code) else "an unknown code"
    if code in {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem"}:
        return Unable(Reason.PERMISSION, f"the service refuses: {shown}; see the rights listed in the reference of the s3 store")
    if code in _AGAIN_CODES or (code.isdigit() and int(code) in _AGAIN):
        return Unable(Reason.UNREACHABLE, f"the service is busy or failing: {shown}")
    if code in _ARCHIVED:
        return Unable(Reason.UNSUPPORTED, "an object lies in an archive class and cannot be read: restore it, then run again")
    return Unable(Reason.ERROR, f"the service says {shown}")


def said(response: Mapping[str, Any]) -> tuple[Exception, bool]:
    """Return the exception that an error answer means, and whether to ask again."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return NoBucket(Unable(Reason.UNREACHABLE, "there is no such bucket: correct `url:`"), code), False
    if code in _CHANGED or status == 412:
        return ObjectChanged(), False
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


_LINES = ("Contents", "Version", "DeleteMarker")
_WORDS = re.compile(r"<(Contents|Version|DeleteMarker|Key|Size|ETag|VersionId|IsLatest|LastModified)>([^<]*)")
_BEGINS = re.compile(rb"<(?:Contents|Version|DeleteMarker)[\s>/]")
_ENDS = re.compile(rb"</(?:Contents|Version|DeleteMarker)\s*>")


def rows(page: Mapping[str, Any], *kinds: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The lines of a listing of objects or versions, with the element that each was (``Contents``, ``Version``, ``DeleteMarker``)."""
    if "Rows" not in page:
        for kind in kinds:
            for line in page.get(kind if kind == "Contents" else f"{kind}s", ()):
                yield kind, {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in line.items()}
        return
    encoded = page.get("EncodingType") == "url"
    for kind, line in page["Rows"]:
        if kind in kinds:
            if encoded:
                line["Key"] = unquote_plus(line["Key"])
            yield kind, line


def _take_rows(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Read the lines of a listing ourselves: the library's way takes ten times as long. What does not look as expected is left to it."""
    body: bytes = response_dict["body"]
    begins, ends = [each.start() for each in _BEGINS.finditer(body)], [each.end() for each in _ENDS.finditer(body)]
    if not begins or len(begins) != len(ends) or b"<!" in body:
        return
    first, last = begins[0], ends[-1]
    lines: list[tuple[str, dict[str, str]]] = []
    for name, value in _WORDS.findall(body[first:last].decode("utf-8", "replace")):
        if name in _LINES:
            lines.append((name, {}))
        elif lines:
            lines[-1][1][name] = unescape(value) if "&" in value else value
    if len(lines) == len(begins) and all("Key" in line for _, line in lines):
        customized_response_dict["Rows"] = lines
        response_dict["body"] = body[:first] + body[last:]


def new_client(store: str, options: Mapping[str, str]) -> Any:
    """A client for ``endpoint``, ``region``, ``access_key`` and ``secret_key`` of the options; missing options come from the environment.

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
            client = _session().create_client(
                "s3",
                region_name=options.get("region") or ("us-east-1" if "endpoint" in options else None),
                endpoint_url=options.get("endpoint"),
                aws_access_key_id=options.get("access_key"),
                aws_secret_access_key=options.get("secret_key"),
                config=config,
            )
            for operation in ("ListObjectsV2", "ListObjectVersions"):
                client.meta.events.register(f"before-parse.s3.{operation}", _take_rows)
            return client
        except (BotoCoreError, ValueError) as error:
            message = f"store {store}: the settings for S3 cannot be used"
            raise Misconfigured(message, help="see `endpoint:`, `region:`, `access_key:` and `secret_key:` of the store") from error
