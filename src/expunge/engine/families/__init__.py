"""Answers to families: their requests, threads and notices."""
