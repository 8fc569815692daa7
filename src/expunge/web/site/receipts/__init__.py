"""Receipts for people: the check of one that anybody has, without a login."""
