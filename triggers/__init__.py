"""What happened or fell due: events, their catalogue, their sources and the schedule."""
