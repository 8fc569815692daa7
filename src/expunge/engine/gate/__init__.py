"""The fence: suppressed subjects, consents, and the gate snapshot that publishes both."""
