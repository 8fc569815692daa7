"""What passes between this server and a provider: HTTP within limits, what a provider says of itself, its ID tokens."""
