"""What is noticed about people who look at recordings: looks, measures, rules, a baseline of peers, and findings."""
