"""Ways to establish that a parent agreed: implementations of ``expunge.ports.consent_method``."""
