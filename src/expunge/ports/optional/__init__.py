"""Protocols that a store may implement beside its port; asked for with ``isinstance``, and done without where they are lacking."""
