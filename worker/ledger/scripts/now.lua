-- What time it is by the clock of all the other scripts.
-- include: _clock
-- KEYS   none
-- ARGV   none
-- Answer milliseconds since 1970
return now_ms()
