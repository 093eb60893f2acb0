-- Begin an initialize, or go on with one that was interrupted. Who begins last owns its progress from then on.
-- include: _progress
-- KEYS   1 the hash of its progress
-- ARGV   1 token  2 restart 0|1: begin anew, whatever was done before
-- Answer the hash, names and values in turn
local key, token, now = KEYS[1], ARGV[1], now_ms()
if not field(key, 'started_at') or field(key, 'ended_at') or ARGV[2] == '1' then return start(key, token, now) end
return take_up(key, token, now)
