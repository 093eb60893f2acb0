-- The processes that run.
-- include: _fleet
-- KEYS   1 hash of the processes
-- ARGV   none
-- Answer as `fleet`
return fleet(KEYS[1], now_ms())
