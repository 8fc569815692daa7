"""Addresses of services that Expunge posts to: https anywhere, plain http to this machine alone."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def fault_of(parts: SplitResult) -> str:
    """Return why nothing is posted to an address, as a sentence; empty where it may be used."""
    host = parts.hostname or ""
    try:
        _ = parts.port
    except ValueError:
        return "the address has no usable port"
    if _CONTROL.search(host):
        return "the host name has a blank or a control character"
    if (parts.scheme == "https" and host) or (parts.scheme == "http" and _is_loopback(host)):
        return ""
    return "the address is neither https nor plain http to this machine"


def is_safe(url: str) -> bool:
    """Return whether Expunge posts to ``url``. A text that is no URL raises ValueError."""
    return not fault_of(urlsplit(url))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
