"""What every use case stands on: ports in one context, calls of stores, appends to the journal."""
