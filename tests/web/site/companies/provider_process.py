"""A company's OpenID provider: ``python -m tests.web.site.companies.provider_process FOLDER``. It is canaille, on this machine.

``FOLDER/company.json`` says who it knows. ``FOLDER/conduct.json`` is read at each request: a provider that is slow, broken or hostile does
what it says. Without it, every byte is canaille's own.
"""

from __future__ import annotations

import hmac
import json
import ssl
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from canaille import create_app
from canaille.app import models
from canaille.backends.memory.backend import MemoryBackend
from canaille.oidc import provider
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server

from expunge import clock

Start = Callable[..., Any]


class Memory(MemoryBackend):  # type: ignore[misc]
    """canaille's store in memory. Its own finds what fits one condition of several; a code of another login would be taken for the one."""

    # Why: canaille looks for its models beside the module of its store.
    __module__ = MemoryBackend.__module__

    def do_query(self, model: Any, *arguments: Any, **conditions: Any) -> list[Any]:
        found: list[Any] = super().do_query(model, *arguments, **conditions)
        for name, value in conditions.items():
            fitting = {each.id for each in super().do_query(model, **{name: value})}
            found = [each for each in found if each.id in fitting]
        return found


class Conduct:
    """The application as it behaves: itself, or what ``conduct.json`` makes of it."""

    def __init__(self, application: Any, key: RSAKey, folder: Path) -> None:
        self._application, self._key, self._file = application, key, folder / "conduct.json"
        self._asked = folder / "asked.txt"
        self._stranger = RSAKey.generate_key(2048, {"kid": str(key.kid)})

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        with self._asked.open("a") as asked:
            asked.write(f"{environ['REQUEST_METHOD']} {path}\n")
        conduct = json.loads(self._file.read_text()) if self._file.exists() else {}
        if path == conduct.get("slow", path):
            time.sleep(conduct.get("delay", 0))
        if path == conduct.get("leads_from"):
            start("302 Found", [("Location", conduct["leads_to"])])
            return [b""]
        if path == conduct.get("endless"):
            start("200 OK", [("Content-Type", "application/json")])
            return (b" " * 65536 for _ in range(4096))
        if path == conduct.get("trickles"):
            start("200 OK", [("Content-Type", "application/json"), ("Content-Length", "100000")])
            return (time.sleep(0.5) or b" " for _ in range(600))
        if path == "/oauth/authorize" and "denies" in conduct:
            asked = dict(parse_qsl(environ["QUERY_STRING"]))
            said = {"error": conduct["denies"], "state": asked["state"], "iss": f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"}
            start("302 Found", [("Location", f"{asked['redirect_uri']}?{urlencode(said)}")])
            return [b""]
        if path == conduct.get("fails"):
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"no"]
        answer: dict[str, Any] = {}
        body = b"".join(self._application(environ, lambda status, headers, *_: answer.update(status=status, headers=headers)))
        change = {
            "/oauth/token": self._token,
            "/oauth/userinfo": lambda told, conduct: told | conduct.get("userinfo", {}),
            "/.well-known/openid-configuration": lambda told, conduct: told | conduct.get("discovery", {}),
        }.get(path)
        if change is not None and conduct and answer["status"].startswith("200"):
            body = json.dumps(change(json.loads(body), conduct)).encode()
            answer["headers"] = [pair for pair in answer["headers"] if pair[0].lower() != "content-length"]
        start(answer["status"], answer["headers"])
        return [body]

    def _token(self, told: dict[str, Any], conduct: dict[str, Any]) -> dict[str, Any]:
        if "id_token" not in told or not conduct.keys() & {"claims", "without", "signed"}:
            return told
        claims = json.loads(jws.extract_compact(told["id_token"].encode()).payload)
        claims |= {name: _moment(value) for name, value in conduct.get("claims", {}).items()}
        payload = json.dumps({name: value for name, value in claims.items() if name not in conduct.get("without", [])}).encode()
        kid = {"kid": self._key.kid}
        match conduct.get("signed", "well"):
            case "none":
                signed = jws.serialize_compact({"alg": "none"}, payload, OctKey.import_key("none"), algorithms=["none"])
            case "by a stranger":
                signed = jws.serialize_compact({"alg": "RS256", **kid}, payload, self._stranger, algorithms=["RS256"])
            case "with the public key":
                # Why by hand: no library of today takes a public key for a secret.
                parts = [json.dumps({"alg": "HS256", **kid}).encode(), payload]
                told_so_far = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
                mac = hmac.digest(self._key.as_pem(private=False), told_so_far, "sha256")
                signed = b".".join([told_so_far, urlsafe_b64encode(mac).rstrip(b"=")]).decode()
            case _:
                signed = jws.serialize_compact({"alg": "RS256", **kid}, payload, self._key, algorithms=["RS256"])
        return told | {"id_token": signed}


def _moment(value: Any) -> Any:
    """A claim as it is, or seconds from now where it is written ``now-600``."""
    return int(clock.timestamp()) + int(value[3:] or 0) if isinstance(value, str) and value.startswith("now") else value


def _claims_of(user: Any, *arguments: Any) -> dict[str, Any]:
    """What canaille says of a person, and whether the address is proven, which it cannot say."""
    told: dict[str, Any] = _CANAILLES(user, *arguments)
    return told | {"email_verified": user.title == "proven"}


_CANAILLES = provider.generate_user_claims


def main(folder: Path) -> None:
    company = json.loads((folder / "company.json").read_text())
    kept = folder / "key.json"
    if not kept.exists():
        kept.write_text(json.dumps(RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)))
    key = RSAKey.import_key(json.loads(kept.read_text()))
    config = {
        "SECRET_KEY": "a company of these tests",
        "SERVER_NAME": f"127.0.0.1:{company['port']}",
        "PREFERRED_URL_SCHEME": "https" if company["tls"] else "http",
        "SESSION_COOKIE_NAME": f"company{company['port']}",
        "CANAILLE": {"DATABASE": "memory", "FORCE_HTTPS": False, "NAME": company["name"]},
        # Why trusted: canaille 0.3.6 asks for the password again at each answer to its own question, where `prompt` is `login`.
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)], "TRUSTED_DOMAINS": ["127.0.0.1"]},
    }
    backend = Memory(config)
    app = create_app(config, backend=backend)
    provider.generate_user_claims = _claims_of
    with app.app_context():
        for person in company["people"]:
            user = models.User(
                user_name=person["name"],
                password=person["password"],
                family_name=person["family"],
                formatted_name=person["family"],
                emails=[person["email"]],
                title="proven" if person["proven"] else "",
            )
            backend.save(user)
        for client in company["clients"]:
            known = models.Client(
                client_id=client["id"],
                client_secret=client.get("secret"),
                client_name="Acme Doorbells",
                client_uri="http://127.0.0.1/",
                redirect_uris=client["redirects"],
                grant_types=["authorization_code"],
                response_types=["code"],
                scope=["openid", "email", "profile"],
                token_endpoint_auth_method="client_secret_post" if client.get("secret") else "none",
            )
            backend.save(known)
            known.audience = [known]
            backend.save(known)
    context = None
    if company["tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*company["tls"])
    server = make_server("127.0.0.1", company["port"], Conduct(app, key, folder), threaded=True, ssl_context=context)
    (folder / "ready").touch()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
