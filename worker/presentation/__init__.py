"""What people read, on the console and on the pages alike."""
