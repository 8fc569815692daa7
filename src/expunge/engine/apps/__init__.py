"""The company's own app: its access tokens, and the web hooks that tell its server of orders."""
