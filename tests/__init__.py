"""The tests: unit, integration and acceptance, with the real parts that they share."""
