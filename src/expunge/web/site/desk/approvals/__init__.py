"""Requests of others: to approve, to turn down, and emergencies to judge."""
