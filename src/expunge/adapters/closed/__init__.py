"""Processes that are closed before they are given the first byte: they open no file, make no connection and start no program."""
