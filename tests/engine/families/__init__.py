"""Requests, threads and notices of families."""
