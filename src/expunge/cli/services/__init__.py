"""Commands that run for long: server, worker, log; and the tokens of programs."""
