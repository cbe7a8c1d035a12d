"""HTTP: the event API, webhooks and public pages; it receives services, builds none."""
