"""Orders for staff: where each stands, what its plan does, an approval by passkey, and receipts."""
