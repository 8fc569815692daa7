"""Companies as allauth's providers: what is asked of them, what is taken from their answers, and what is not."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from expunge.core.accounts.accounts_spec import ProviderAudience, ProviderSpec
from expunge.errors import KeystoreLocked, Misconfigured
from expunge.ports.accounts.sealed_fields import FieldKind
from expunge.web.site.providers.protocol import id_tokens
from expunge.web.site.providers.protocol.discovery import DIRECTORY
from expunge.web.site.providers.protocol.id_tokens import Proven
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble

_LONGEST_ALIAS = 120
"""Characters of an alias."""


def spec_of(provider_id: str) -> ProviderSpec | None:
    """Return a provider of the map; None for one that it does not name."""
    return next((spec for spec in settings.EXPUNGE_SITE.providers if spec.id == provider_id), None)


class CompanyLogin(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One login at a company, from the answer of its provider to the person."""

    state: dict[str, Any]
    """What was kept when the login began."""

    @property
    def spec(self) -> ProviderSpec:
        """The provider of the map."""
        spec: ProviderSpec = self.get_provider().spec
        return spec

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the provider says of itself. Raises ProviderTrouble."""
        return DIRECTORY.provider(self.spec).configuration

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:  # noqa: ARG002 - allauth's shape
        """Return the one address that answers come to, whatever host and port a request names."""
        name = "staff_company_callback" if self.spec.audience is ProviderAudience.STAFF else "openid_connect_callback"
        path = reverse(name, kwargs={"provider_id": self.provider_id})
        return f"{settings.EXPUNGE_SITE.origin}{path}"

    def get_client(self, request: HttpRequest, app: Any) -> Any:
        """Return the client, with its secret read anew. Raises ProviderTrouble."""
        if not self.spec.public:
            try:
                app.secret = settings.EXPUNGE_PROVIDER_SECRET(self.spec)
            except (KeystoreLocked, Misconfigured) as error:
                raise ProviderTrouble(Problem.NOT_SET_UP, "its secret cannot be read") from error
        return super().get_client(request, app)

    def parse_token(self, data: Any) -> SocialToken:  # noqa: ARG002 - allauth's shape
        """Return a token without anything in it: no token is kept, not even in a session."""
        return SocialToken(token="")

    def complete_login(self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any) -> SocialLogin:  # noqa: ARG002 - allauth's shape
        """Return whose login it is, by a verified ID token. Raises ProviderTrouble."""
        response = kwargs["response"]
        proven = id_tokens.verified(DIRECTORY, self.spec, response.get("id_token"), self.state.get("nonce", ""))
        provider = self.get_provider()
        known = SocialAccount.objects.filter(provider=provider.sub_id, uid=proven.identity(self.spec.issuer)).first()
        further: dict[str, Any] = {}
        if known is None and (self.spec.alias or self.spec.audience is ProviderAudience.CUSTOMERS):
            further = self._userinfo(proven, response.get("access_token"))
        login: SocialLogin = provider.sociallogin_from_response(request, {"proven": proven, "claims": {**further, **proven.claims}})
        login.proven = proven
        if known is not None and not login.account.extra_data:
            # Why: userinfo is asked for once, when the login is new.
            login.account.extra_data = known.extra_data
        return login

    def _userinfo(self, proven: Proven, access_token: object) -> dict[str, Any]:
        """Return what the provider tells beside the token, once it is about the same person (Core 1.0, 5.3.2)."""
        if "userinfo_endpoint" not in self.openid_config or not isinstance(access_token, str):
            return {}
        told = self._fetch_user_info(access_token)
        if not isinstance(told, dict) or told.get("sub") != proven.subject:
            raise ProviderTrouble(Problem.UNTRUSTED, "userinfo")
        return told


class CompanyProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """A company at which people have accounts."""

    oauth2_adapter_class = CompanyLogin
    pkce_enabled_default = True

    @property
    def spec(self) -> ProviderSpec:
        """The provider of the map."""
        spec = spec_of(self.app.provider_id)
        assert spec is not None
        return spec

    def begin(self, request: HttpRequest, process: str, back: str | None) -> HttpResponseBase:
        """Return the redirect to the provider, with this login kept in the session.

        Args:
            request: of the person.
            process: *login*, *connect* or *again*.
            back: where the person goes afterwards, an address of these pages.

        Raises:
            ProviderTrouble: the provider cannot be reached.
        """
        nonce = secrets.token_urlsafe(24)
        asked = {"nonce": nonce, "prompt": "login", "max_age": str(id_tokens.FRESH_LOGIN)}
        # Why not allauth's redirect_from_request: it takes scopes and parameters from the address of the page.
        account = str(request.user.pk) if request.user.is_authenticated else ""
        kept = {"nonce": nonce, "account": account}
        answer: HttpResponseBase = self.redirect(request, process, next_url=back, auth_params=asked, scope=self._scope(), **kept)
        return answer

    def _scope(self) -> list[str]:
        customers = self.spec.audience is ProviderAudience.CUSTOMERS
        return ["openid", *(["email"] if customers else []), *(["profile"] if self.spec.alias else [])]

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Return what the person is known by."""
        proven: Proven = data["proven"]
        return proven.identity(self.spec.issuer)

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, str]:
        """Return what is kept beside it: the alias, sealed, where the map names a claim for it."""
        alias = data["claims"].get(self.spec.alias) if self.spec.alias else None
        if not isinstance(alias, str) or not alias.strip():
            return {}
        shown = "".join(letter for letter in alias if letter.isprintable())[:_LONGEST_ALIAS]
        sealed: bytes = settings.EXPUNGE_FIELDS.seal_fields(FieldKind.PROVIDER, [shown])[0]
        return {"alias": urlsafe_b64encode(sealed).decode()}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - allauth's shape
        """Return nothing: an account has no name."""
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """Return the address, where the company says that it is proven; never another one."""
        claims = data["claims"]
        email = claims.get("email")
        # Why so strict: the text "false" is true to a program.
        if self.spec.audience is not ProviderAudience.CUSTOMERS or claims.get("email_verified") is not True or not isinstance(email, str):
            return []
        return [EmailAddress(email=email, verified=True, primary=True)]

    def serialize(self) -> dict[str, Any]:
        """Return what finds this provider again: two may call their client alike."""
        return {"id": self.sub_id, "app.client_id": self.app.client_id}


provider_classes = [CompanyProvider]
"""Read by allauth."""
