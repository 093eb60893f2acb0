"""What a person starts and waits for, on the real APIs: previews, and an initialize."""
