"""Requests for a review, as their reviewer makes and follows them."""
