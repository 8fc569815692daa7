"""Traces, the evidence that a scan gives with them, and the receipt that states it."""
