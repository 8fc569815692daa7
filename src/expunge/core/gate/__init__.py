"""The signed snapshot that pipelines query."""
