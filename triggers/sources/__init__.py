"""Headers and bytes to verified events, one file per platform; no HTTP here."""
