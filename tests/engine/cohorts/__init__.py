"""Notices to all customers of a past period."""
