"""Values that everything else is made of: ids, outcomes, copies, scopes, holds, canonical bytes, tags, signatures."""
