"""The transparency log as plain files, read, written and audited."""
