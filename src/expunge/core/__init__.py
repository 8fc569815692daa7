"""The pure core: values in, values out. No clock, no input or output, no logging, no randomness.

What is left out on purpose: reading stores (``expunge.stores``), keeping state (``expunge.adapters``), deciding when to run
(``expunge.engine``). Time, keys and random bytes always come in as arguments.
"""
