"""The contestants: each a module with what its worker runs, and `enqueue`, which asks for customers.

Each is written as its documentation shows it. They do the same calls, and share how a customer is transferred.
"""
