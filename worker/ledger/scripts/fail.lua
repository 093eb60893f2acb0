-- End a job badly; it stays open to a re-run, and a new trigger reopens it.
-- include: _clock _job
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 token  5 version  6 error as JSON  7 keep for ms
-- Answer { 1 if the claim held, 1 if a message is owed }
local key = KEYS[1]
if not holds(key, ARGV[4]) then return { 0, 0 } end
redis.call('HINCRBY', key, 'attempt', 1)
redis.call('HSETNX', key, 'first_failed_at', text(now_ms()))
redis.call('HSET', key, 'error', ARGV[6])
redis.call('HDEL', key, 'action')
return { 1, settle(ARGV[2], ARGV[3], ARGV[5], 'failed', ARGV[7]) }
