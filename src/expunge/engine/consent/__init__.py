"""Consent, guardians, requests to parents, and approvals."""
