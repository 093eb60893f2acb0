"""HTTP: the calls to both APIs, and what their answers mean."""
