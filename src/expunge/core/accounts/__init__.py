"""Accounts of customers and staff: sensitive asks and what a challenge binds, the strength of credentials, the letters of the keeper."""
