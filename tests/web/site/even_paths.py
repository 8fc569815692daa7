"""Makes accounts, and sends forms for a known and an unknown address to the pages of this folder, and tells what each cost: as JSON.

Times are not looked at: what is counted is hashes, mails, and the form of the answer.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.web.site.filling import address_of, make_accounts, pages_here

FORMS = {
    "/account/login/": ("login", {"password": "wrong but long enough"}),
    "/account/signup/": ("email", {"password1": "a heron stood in the reeds"}),
    "/account/password/reset/": ("email", {}),
    "/account/recovery/": ("email", {}),
}


def _main() -> None:
    pages_here()
    make_accounts(len(FORMS))
    from importlib import import_module

    import argon2.low_level as hashing
    from django.conf import settings
    from django.core import mail
    from django.test import Client
    from django.test.utils import setup_test_environment

    setup_test_environment()
    settings.ALLOWED_HOSTS = ["*"]
    hashes, letters = [0], [0]
    guard = settings.EXPUNGE_GUARD
    send_code = guard.send_code

    def sent(*given: Any) -> None:
        # Why counted with the others: a person gets one message in either case, from the pages or from the keeper.
        send_code(*given)
        letters[0] += 1

    guard.send_code = sent
    checking = import_module("argon2._password_hasher")

    def counted(function: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            hashes[0] += 1
            return function(*given, **named)

        return call

    hashing.hash_secret = counted(hashing.hash_secret)
    vars(checking)["verify_secret"] = counted(vars(checking)["verify_secret"])
    found: dict[str, list[dict[str, Any]]] = {}
    for number, (path, (field, further)) in enumerate(FORMS.items()):
        for address in (address_of(number), f"nobody{number}@mail.example"):
            client = Client(REMOTE_ADDR=f"198.51.{number}.{len(address)}")
            hashes[0], letters[0], before = 0, 0, len(mail.outbox)
            answer = client.post(path, {field: address, **further})
            body = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", answer.content.decode()).replace(address, "")
            after = client.get(answer.headers["Location"]) if answer.status_code == 302 else answer
            shown = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", after.content.decode()).replace(address, "")
            found.setdefault(path, []).append(
                {
                    "status": answer.status_code,
                    "location": answer.headers.get("Location", ""),
                    "headers": sorted(answer.headers),
                    "cookies": {name: len(morsel.value) for name, morsel in answer.cookies.items()},
                    "hashes": hashes[0],
                    "mails": len(mail.outbox) - before + letters[0],
                    "body": body,
                    "next": shown,
                }
            )
    print(json.dumps(found))


if __name__ == "__main__":
    _main()
