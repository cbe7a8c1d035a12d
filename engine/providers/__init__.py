"""What carries a message out: SendGrid, Twilio, preview and simulated providers."""
