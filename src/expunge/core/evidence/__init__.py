"""Traces, what a scan showed with them, and the receipt that states it."""
