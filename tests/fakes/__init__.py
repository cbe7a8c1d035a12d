"""Stand-ins for the outside, on loopback: they check what they are sent and count it."""
