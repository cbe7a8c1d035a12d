"""Deployment settings, store policy, and YAML read with positions and diagnostics."""
