"""Consent: decisions, the rules that they follow, requests to parents, and consent receipts."""
