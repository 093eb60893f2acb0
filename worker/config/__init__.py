"""The configuration: files and the environment, and every fault in them."""
