"""The headers that every page has, and the one of a form that counts for nothing: what it says of its characters."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from expunge.web.tls import HSTS

_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
POLICY = "; ".join(f"{name} {sources}" for name, sources in _SOURCES.items())
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), "
    "publickey-credentials-create=(self)",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_OF_FILES = frozenset({200, 206, 304})


class StrictHeaders:
    """Middleware that adds the headers, and forbids caches to keep pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response
        self._headers = HEADERS | (HSTS if settings.EXPUNGE_SITE.secure else {})

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the headers."""
        response = self._get_response(request)
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        # Why by the status too: the page that says that a file is not there has a form with its visitor's token.
        if not request.path.startswith(settings.STATIC_URL) or response.status_code not in _OF_FILES:
            response.headers["Cache-Control"] = "no-store"
        return response


class Utf8Forms:
    """Middleware that reads each form as UTF-8 (HTML Living Standard, 4.10.21.5), whatever ``charset`` its ``Content-Type`` names.

    Python knows codecs that are no character sets, and some that give characters which cannot be written: their forms ended as a defect.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, after the form's own word is set aside."""
        if request.encoding is not None:
            request.encoding = "utf-8"
        return self._get_response(request)
