-- Whether something that is done every so often is due, by Redis' clock; whoever gets a 1 does it.
-- include: _clock _field
-- KEYS   1 hash of what was done when
-- ARGV   1 its name  2 interval in ms
-- Answer 1 if it is due, and note that it is done now; else 0
--
-- A time that has not come yet, as after a step back of the clock, was never noted.
local now, last = now_ms(), number(KEYS[1], ARGV[1])
if last <= now and now - last < tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], text(now))
return 1
