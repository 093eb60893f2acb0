"""What the outside learns: the log and Sentry, without personal data."""
