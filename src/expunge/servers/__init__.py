"""Real servers on loopback, in a folder of the caller's, for tests, the demonstration and measurements.

An installation uses nothing here: it connects to the servers that its operator runs.
"""
