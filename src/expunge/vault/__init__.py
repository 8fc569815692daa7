"""The vault: recordings that are sealed from the first byte, and that go dark in every copy when their key dies."""
