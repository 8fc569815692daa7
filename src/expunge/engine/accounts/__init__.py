"""Accounts in the keeper: enrolment of credentials, and sensitive asks that are confirmed with them."""
