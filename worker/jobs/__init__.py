"""Jobs: what a job is, and what can become of it."""
