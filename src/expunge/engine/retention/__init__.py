"""Retention carried out: expiry, inactive profiles, the published policy."""
