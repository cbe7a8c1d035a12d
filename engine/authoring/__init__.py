"""Campaign YAML to plan: specification, loader, compiler and lint."""
