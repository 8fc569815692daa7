"""Python imports this module in each process that a test of a moved day starts: its folder is first on ``PYTHONPATH``."""

import travelling

travelling.begin()
