-- End the hold of a store: by an operator's hand, or the one hold that somebody has looked at and knows to be mended.
-- include: _row
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 until when it is held, and 4 the code: of that one hold; both empty: of any
-- Answer 1, or 0 if the store is not held, not by that hold, or an API has asked for a pause that is not over
local key, now = store_key('hold', ARGV[2]), now_ms()
if ARGV[3] ~= '' then
  if field(key, 'until') ~= ARGV[3] or field(key, 'code') ~= ARGV[4] then return 0 end
  local limited_until = math.min(number(key, 'limited_until'), tonumber(ARGV[3]))
  if limited_until > now then
    redis.call('HSET', key, 'until', text(limited_until))
    look_again(ARGV[2], limited_until)
    return 0
  end
end
look_again(ARGV[2], now)
return redis.call('DEL', key)
