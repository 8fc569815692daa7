"""Columns that keep less than they are given: the network instead of the address in it, the browser's kind instead of all it says."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Any

from django.db import models

_MARKS = re.compile(
    "Edg|OPR/|SamsungBrowser/|FxiOS/|Firefox/|CriOS/|Chrome/|Safari/|iPhone|iPad|Android|CrOS|Windows|Mac OS X|Linux",
)


def network_of(address: str) -> str:
    """Return the first address of the network that an address lies in: /24 of IPv4, /48 of IPv6.

    Raises:
        ValueError: it is no address.
    """
    bits = 24 if ipaddress.ip_address(address).version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address)


def kind_of_browser(user_agent: str) -> str:
    """Return the marks of browser and system alone, without versions, models and languages."""
    return " ".join(dict.fromkeys(_MARKS.findall(user_agent)))


class NetworkColumn(models.GenericIPAddressField):  # type: ignore[type-arg]
    """An address of the internet, kept as its network."""

    def get_prep_value(self, value: Any) -> Any:
        """Return the network."""
        given = super().get_prep_value(value)
        return network_of(given) if given else given

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return it as allauth's migrations know it."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.GenericIPAddressField", args, kwargs


class BrowserColumn(models.CharField):  # type: ignore[type-arg]
    """What a browser says of itself, kept as its kind."""

    def get_prep_value(self, value: Any) -> Any:
        """Return the kind."""
        given = super().get_prep_value(value)
        return kind_of_browser(given) if given else given

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return it as allauth's migrations know it."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
