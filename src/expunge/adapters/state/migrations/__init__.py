"""The tables of the state database, step by step; applied by ``expunge.adapters.state.migrate``."""
