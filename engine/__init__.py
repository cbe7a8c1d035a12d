"""The campaign engine: events in, decisions, messages out, and the reasons for each."""
