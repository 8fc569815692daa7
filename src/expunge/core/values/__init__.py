"""Basic values: ids, outcomes, copies, scopes, holds, canonical bytes, tags, signatures."""
