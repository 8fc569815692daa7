"""The transparency log's formats: tiles, checkpoints, proofs, envelopes, trust policies."""
