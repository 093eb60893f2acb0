"""The use cases, as the specification tells them."""
