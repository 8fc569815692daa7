"""Commands that run for long: server, worker, keeper, log; and the tokens of programs."""
