"""How people are told, on any screen."""
