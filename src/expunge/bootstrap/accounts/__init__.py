"""Accounts of customers and staff, put together."""
