"""Attack companies, generated from a table of hiding places, stores, spellings and references; the next company is one line.

A place where a copy can hide is a line of the ``places`` module of its store, such as ``sqlite_places``. A way in which data refers to
people is an entry of ``references``, a spelling a line of ``spellings``. ``table`` combines them and derives the end of an order.
``judge`` is the outside search, which shares no code with Expunge.
"""
