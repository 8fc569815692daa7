"""Small drawings, in line with the text, of one stroke; each stands beside words and is hidden from screen readers."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe

_DRAWINGS = {
    "house": '<path d="M3.5 11.5 12 4l8.5 7.5M6 10v9.5h12V10"/>',
    "home": '<path d="M3.5 11.5 12 4l8.5 7.5M6 10v9.5h12V10"/><path d="m9.5 14.2 2 2 3.4-3.8"/>',
    "key": '<circle cx="8" cy="15.5" r="4"/><path d="m11 12.5 8-8M16 7.5l2.5 2.5M13.5 10l1.8 1.8"/>',
    "passkey": '<circle cx="9.5" cy="7.5" r="3.5"/>'
    '<path d="M3 20c.3-4 2.8-6.5 6.5-6.5 1 0 2 .2 2.8.6"/><circle cx="17.5" cy="12.5" r="2.7"/>'
    '<path d="M17.5 15.2V21l-1.5-1.5M17.5 18.5h1.7"/>',
    "phone": '<rect x="7" y="3" width="10" height="18" rx="2"/><path d="M11 18h2"/>',
    "list": '<rect x="4.5" y="3.5" width="15" height="17" rx="2"/><path d="M8.5 8.5h7M8.5 12h7M8.5 15.5h4"/>',
    "devices": '<rect x="3" y="5" width="13" height="10" rx="1.5"/><path d="M7 19h5"/>'
    '<rect x="16" y="10" width="5" height="9.5" rx="1.2"/>',
    "mail": '<rect x="3.5" y="5.5" width="17" height="13" rx="2"/><path d="m4 7.5 8 6 8-6"/>',
    "lock": '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
    "eye": '<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z"/><circle cx="12" cy="12" r="2.8"/>',
    "erase": '<path d="m8.5 19.5-5-5a1.5 1.5 0 0 1 0-2.1L12 4l8 8-7.5 7.5h-4ZM8 8l8 8M13 19.5h7.5"/>',
    "receipt": '<path d="M12 3 5 5.7V11c0 4.7 3 8.2 7 10 4-1.8 7-5.3 7-10V5.7L12 3Z"/><path d="m9 11.8 2.2 2.2 4-4.2"/>',
    "alert": '<path d="M12 4 2.8 19.5h18.4L12 4ZM12 10v4.5M12 17v.2"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "pin": '<path d="M12 21s6.5-6 6.5-11a6.5 6.5 0 0 0-13 0c0 5 6.5 11 6.5 11Z"/><circle cx="12" cy="10" r="2.4"/>',
    "voice": '<path d="M4 10.5v3M8 7v10M12 4v16M16 8v8M20 10.5v3"/>',
    "print": '<path d="M7 19c1-2 1.5-4.3 1.5-7a3.5 3.5 0 0 1 7 0c0 3-.4 5.5-1.3 8M12 12c0 3-.5 6-1.7 8.5"/>'
    '<path d="M4.5 15c.4-1 .5-2 .5-3a7 7 0 0 1 11-5.7M18.7 10.5c.2 2 .1 4.5-.4 7"/>',
    "model": '<circle cx="6" cy="6" r="2"/><circle cx="6" cy="18" r="2"/><circle cx="18" cy="12" r="2.4"/>'
    '<path d="m7.9 7 7.8 4M7.9 17l7.8-4M6 8v8"/>',
    "play": '<circle cx="12" cy="12" r="8.5"/><path d="M10 8.5v7l5.5-3.5-5.5-3.5Z"/>',
    "download": '<path d="M12 4v11M7.5 10.5 12 15l4.5-4.5M4.5 19.5h15"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>',
    "out": '<path d="M10 4.5H6a1.5 1.5 0 0 0-1.5 1.5v12A1.5 1.5 0 0 0 6 19.5h4M15 8l4 4-4 4M19 12H9.5"/>',
}


def icon(name: str) -> SafeString:
    """Return a drawing. Raises KeyError for one that there is not."""
    return mark_safe(f'<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">{_DRAWINGS[name]}</svg>')  # noqa: S308 - drawn above
