"""The clients of both APIs that one connection has, shared by all threads of a process."""
