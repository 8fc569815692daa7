"""Accounts: enrolment of credentials, sensitive asks that are confirmed with them, and the register of staff."""
