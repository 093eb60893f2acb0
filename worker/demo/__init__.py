"""The demonstration: the whole job on one machine, from the first trigger to a check of what Stamped.io holds."""
