-- End the hold of a store: by an operator's hand, or the one hold that somebody has looked at and knows to be mended.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 until when it is held, and 4 the code: of that one hold; both empty: of any
--        5 asker: see `note_event`; empty if it is nobody's hand
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
local code = field(key, 'code')
if redis.call('DEL', key) == 0 then return 0 end
if ARGV[5] ~= '' then note_change({ system = ARGV[2], outcome = 'released', code = code, asker = ARGV[5] }) end
return 1
