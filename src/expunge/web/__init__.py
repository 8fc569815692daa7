"""The HTTP server: a thin layer of Django and ninja over what ``bootstrap`` offers; portal and console will stand on it.

Import it after Django was set up, which opening an installation does.
"""
