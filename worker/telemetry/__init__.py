"""What is reported: the log and Sentry, without personal data."""
