"""The demonstration: the whole job on embedded parts, from the first trigger to a proof of what Stamped.io holds."""
