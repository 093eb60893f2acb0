-- Take a slot for a call of no job. Nobody gives it back: it counts until a window after the call's longest time.
-- include: _throttle
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 limits of the store  4 API  5 longest time of the call in ms
-- Answer 1, or 0 if there is no slot now, or the store is held for this API or not known here
local system, api, limits, now = ARGV[2], ARGV[4], limits_of(ARGV[3]), now_ms()
local hold = store_key('hold', system)
if field(hold, 'api') == api and number(hold, 'until') > now then return 0 end
if limits.unknown then return 0 end
if not limits.apis[api] then return 1 end
if free_slots(api, system, limits, now) < 1 then return 0 end
local name = take_slots_of(api, system, limits, 1, now)[1]
redis.call('ZADD', slots_key(api, system), text(now + tonumber(ARGV[5]) + limits.apis[api].window_ms), name)
return 1
