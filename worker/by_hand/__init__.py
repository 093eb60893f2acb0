"""What a person starts and waits for, with the real APIs: previews, look-ups by e-mail, and an initialize."""
