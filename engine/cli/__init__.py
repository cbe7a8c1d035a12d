"""The lagniappe command."""
