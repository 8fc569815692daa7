"""The messages that parents read: short, in plain words. The disclosure text itself is the company's own."""

from __future__ import annotations

import html

from expunge.ports.consent_method import Asking

REVOKE = "You can take this back at any time, as easily as you gave it: {revoke}"


def _notice(asking: Asking) -> str:
    """What the rule wants in a notice beside the disclosure text: which data, what for, who gets it (16 CFR 312.4(c)(1))."""
    who = f"It is handed to: {', '.join(asking.recipients)}." if asking.recipients else "It is handed to nobody else."
    return f"This is about: {', '.join(asking.items)}. {who}"


def question(asking: Asking, link: str) -> str:
    """Return the first message."""
    return (
        f"{asking.disclosure.rstrip()}\n\n"
        f"You are asked, for your child: may we use the data for this - {asking.purpose}?\n{_notice(asking)}\n\n"
        f"If you agree, open this page within {asking.expires_days} days and confirm: {link}\n\n"
        "If you do nothing, you have not agreed, and your address is deleted after that time. "
        "We will write once more afterwards, to make sure that it was you.\n"
    )


def confirmation(asking: Asking, link: str, revoke: str) -> str:
    """Return the second message, some time after the first answer."""
    return (
        f"Some time ago somebody agreed, from this address, for your child, to this: {asking.purpose}.\n\n"
        f"If that was you, confirm it once more here: {link}\n\n"
        "If it was not, do nothing: without this second answer nothing is used.\n\n"
        f"{REVOKE.format(revoke=revoke)}\n"
    )


def short_question(asking: Asking, link: str) -> str:
    """Return the first text message: the page shows the whole disclosure text."""
    return f"Your child's data: may we use it for this - {asking.purpose}? Read and answer within {asking.expires_days} days: {link}"


def short_confirmation(asking: Asking, link: str, revoke: str) -> str:
    """Return the second text message."""
    words = f"Did you agree, for your child, to this - {asking.purpose}?"
    return f"{words} Confirm: {link} Not you? Do nothing. Take it back at any time: {revoke}"


def form(asking: Asking) -> str:
    """Return a page to print and sign, in HTML."""
    paragraphs = "".join(f"<p>{html.escape(each)}</p>" for each in asking.disclosure.split("\n\n") if each.strip())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Consent of a parent</title>'
        "<style>body{max-width:40em;margin:2em auto;font:1rem/1.5 serif}.line{border-top:1px solid;margin-top:4em}</style></head>"
        f"<body><h1>Consent of a parent</h1>{paragraphs}"
        f"<p>I am the child's parent or guardian. I agree that data is used for this: <strong>{html.escape(asking.purpose)}</strong>.</p>"
        f"<p>{html.escape(_notice(asking))} I can take this back at any time.</p>"
        '<p class="line">Name, date, signature</p>'
        f"<p>Please return it signed within {asking.expires_days} days. Number: <code>{html.escape(asking.token)}</code></p></body></html>"
    )
