-- End the hold of a store: by an operator's hand, or the one hold that somebody has looked at and knows to be mended.
-- include: _row
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 until when it is held, and 4 the code: of that one hold; both empty: of any
-- Answer 1, or 0 if the store is not held, or not by that hold
local key = store_key('hold', ARGV[2])
if ARGV[3] ~= '' and (field(key, 'until') ~= ARGV[3] or field(key, 'code') ~= ARGV[4]) then return 0 end
look_again(ARGV[2], now_ms())
return redis.call('DEL', key)
