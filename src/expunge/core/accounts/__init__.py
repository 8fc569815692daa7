"""Accounts of customers and staff: values and pure functions."""
