"""Ports of exports: where one is written, and where those lie that wait."""
