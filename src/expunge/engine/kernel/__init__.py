"""The base of every use case: ports in one context, calls of stores, appends to the journal."""
