"""Policies of the review desk."""
