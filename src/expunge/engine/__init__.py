"""Use cases, one verb a file. The engine decides and journals. It reaches the world only through ports handed over by ``bootstrap``."""
