"""Ports of the review desk."""
