"""An order: its plan, its run as a fold of events, and orders that share a round."""
