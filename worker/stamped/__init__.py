"""Stamped.io's API: where the customers go."""
