"""Use cases, one transaction each: ingest, advance, dispatch, receive, history."""
