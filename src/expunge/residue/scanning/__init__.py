"""Walk, read and search the files of a store, on all cores."""
