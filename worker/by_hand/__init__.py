"""What a person starts and waits for, with the real APIs: previews, and an initialize."""
