"""A value that does not print itself."""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Private(Generic[T_co]):
    """Holds an identifier or content; ``repr``, ``str`` and ``format`` say «private», and pickling is refused.

    It is not a ``str`` on purpose: nothing that formats strings can print it. :meth:`reveal` is the one way in.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T_co) -> None:
        self._value = value

    def reveal(self) -> T_co:
        """Return the value; call it only where the value itself is needed."""
        return self._value

    def __repr__(self) -> str:
        return "«private»"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Private) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Private, self._value))

    def __reduce__(self) -> NoReturn:
        message = "a private value cannot be pickled"
        raise TypeError(message)
