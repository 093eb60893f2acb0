"""Parts that usually run as services of their own, run as child processes: Valkey, worker, beat and Flower."""
