"""Everything breaks, at named moments and at random, and every message is accounted for."""
