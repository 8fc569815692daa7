"""Hand-overs: a person comes from the company's app, and the account is connected with a child or with its own data."""
