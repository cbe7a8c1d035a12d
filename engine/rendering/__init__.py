"""Sandboxed Jinja templates, MJML email and SMS segments."""
