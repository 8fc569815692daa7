"""Accounts of customers and staff: values and decisions."""
