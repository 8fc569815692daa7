"""What allauth leaves open about passkeys: the counter of signatures (WebAuthn level 3, 7.2 step 22), and the origin by the map."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from expunge.web.site.accounts.models import PasskeyCounter


def is_ours(credential: Any) -> bool:
    """Return whether an answer of an authenticator can be read and was made for the map's origin."""
    parse: type[RegistrationResponse | AuthenticationResponse] = AuthenticationResponse
    try:
        if "attestationObject" in credential["response"]:
            parse = RegistrationResponse
        told: str = parse.from_dict(credential).response.client_data.origin
    except (TypeError, ValueError, KeyError, AttributeError):
        return False
    origin: str = settings.EXPUNGE_SITE.origin
    return told == origin


def advance(way: Authenticator, credential: Any) -> bool:
    """Note the counter of a signature. Return False where it did not grow, as with a passkey of which there is a copy.

    Authenticators that keep their passkeys in step over devices count nothing: theirs is always 0.
    """
    count = AuthenticationResponse.from_dict(credential).response.authenticator_data.counter
    PasskeyCounter.objects.get_or_create(way=way, defaults={"count": way.wrap().authenticator_data.counter})
    known = PasskeyCounter.objects.filter(way=way)
    if count == 0 and known.filter(count=0).exists():
        return True
    return bool(known.filter(count__lt=count).update(count=count))
