"""The pages of guardians: who is one, how an account shows that it is, and what guardians decide about each other."""
