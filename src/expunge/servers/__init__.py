"""Starts real servers on loopback, in a folder of the caller's, for tests, the demonstration and measurements.

Nothing here is used by an installation: it connects to the servers that its operator runs.
"""
