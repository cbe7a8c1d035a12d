"""Pure functions of rows: satisfaction scores, repeat rate, churn, attribution."""
