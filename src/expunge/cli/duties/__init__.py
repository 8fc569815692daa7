"""Commands about duties towards people: consent, guardians, recipients, retention, obligations."""
