-- Whether something that is done every so often is due, by Redis' clock; whoever is told so does it.
-- include: _clock
-- KEYS   1 hash of what was done when
-- ARGV   1 its name  2 every so many ms
-- Answer 1 if it is due, and note that it is done now; else 0
--
-- A time that has not come yet, as after a step back of the clock, was never noted.
local now, last = now_ms(), tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') or 0
if last <= now and now - last < tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now))
return 1
