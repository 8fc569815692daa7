"""Accounts of customers and staff: the use cases."""
