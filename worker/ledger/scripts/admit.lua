-- Admit the jobs of a store that may run now.
-- include: _admit
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 limits of the store
-- Answer ms until it is worth asking again, or -1 if time alone lets no job run. An error QUEUE if Redis takes no message
local refused, due = admit(ARGV[2], limits_of(ARGV[3]))
if refused then return redis.error_reply('QUEUE ' .. refused) end
return due and math.max(due - now_ms(), 0) or -1
