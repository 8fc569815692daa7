"""Phone numbers in one form, whatever punctuation and prefix they are written with."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1 << 16)
def e164(text: str, region: str) -> str:
    """Return a number in E.164, such as ``+442079460958``; empty for a text that is no possible number.

    Args:
        text: as people write it.
        region: the country (ISO 3166-1, two letters) of numbers without a country code; empty where none is known. Then ``00`` counts as
            the international prefix, which it is in most countries.
    """
    # Why here: few maps name phone numbers, and each pipeline that asks the gate would wait for the numbering plans.
    import phonenumbers

    written = text if region or not text.startswith("00") else "+" + text[2:]
    try:
        number = phonenumbers.parse(written, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # Why the extension: two people behind one switchboard are two people.
    return f"{plain};ext={number.extension}" if number.extension else plain


def is_region(text: str) -> bool:
    """Return whether there is a numbering plan of that country."""
    import phonenumbers

    return text in phonenumbers.SUPPORTED_REGIONS
