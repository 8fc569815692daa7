"""Policies of the review desk, decided by Cedar (https://www.cedarpolicy.com)."""
