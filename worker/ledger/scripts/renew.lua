-- Keep a claim for one more call.
-- include: _clock _job
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 token  5 lease in ms
-- Answer 1, or 0 where the claim is lost
local key = KEYS[1]
if not holds(key, ARGV[4]) then return 0 end
local lease_until = now_ms() + tonumber(ARGV[5])
redis.call('HSET', key, 'lease_until', text(lease_until))
redis.call('ZADD', index_of('running', ARGV[2]), text(lease_until), ARGV[3])
return 1
