"""The vault: recordings sealed under keys of their own, which can be made to die."""
