"""The methods of asking parents that a map sets up."""

from __future__ import annotations

from expunge.adapters.asking.documents import SignedForm
from expunge.adapters.asking.messages import AnswerLinks, EmailPlus, HttpTextGateway, TextPlus
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.core.datamap.purposes import AskingSpec
from expunge.errors import UsageError
from expunge.ports.consent_method import ConsentMethod


def methods(spec: AskingSpec) -> dict[str, ConsentMethod]:
    """Return name -> method: the signed form always, methods by message where the map names a server for them."""
    found: list[ConsentMethod] = [SignedForm()]
    if spec.mail:
        found.append(EmailPlus(MailServer.at(spec.mail), spec.sender, AnswerLinks(spec.answer, spec.revoke), spec.delay))
    if spec.text_gateway:
        found.append(TextPlus(HttpTextGateway(spec.text_gateway, spec.text_key), AnswerLinks(spec.answer, spec.revoke), spec.delay))
    return {each.name: each for each in found}


def method(spec: AskingSpec, name: str) -> ConsentMethod:
    """Return one method. Raises UsageError that lists the methods there are."""
    known = methods(spec)
    if name not in known:
        message = f"the map sets up no way of asking called {name!r}"
        raise UsageError(message, help=f"there is {', '.join(sorted(known))}; for others, asking: in the map")
    return known[name]
