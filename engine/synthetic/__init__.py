"""A made-up shop of any size, for demonstrations, tests and load: its events, in order of time."""
