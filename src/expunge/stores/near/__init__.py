"""List what lies in folders that a store is in or beside, for a later look for places that no map declares."""
