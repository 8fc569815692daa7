"""The pure core: values in, values out. No clock, no input or output, no logging, no randomness.

Other rooms read stores (``expunge.stores``), keep state (``expunge.adapters``) and decide when to run (``expunge.engine``). Time, keys and
random bytes always come in as arguments.
"""
