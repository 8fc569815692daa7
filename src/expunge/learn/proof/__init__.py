"""Show that a model forgot: exactness, audits, membership inference."""
