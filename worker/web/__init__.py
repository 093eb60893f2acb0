"""What the web servers share: Flower with our pages, and the front door."""
