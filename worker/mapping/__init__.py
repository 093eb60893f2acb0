"""The mapping: its rows, and what they make of a customer."""
