"""Campaigns' tests: each story is lived on the real services, in a house of its own."""
