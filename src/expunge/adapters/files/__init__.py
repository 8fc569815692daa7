"""State in plain files: document store, outbox, locate index, the gate's snapshot and the files of pipelines."""
