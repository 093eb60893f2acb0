-- Note how far an initialize has come. Noted twice (a cut connection), it stays the same.
-- include: _clock
-- KEYS   1 the hash of its progress
-- ARGV   1 token  2 position in the list  3 requested: how many customers until now  4 has it ended 0|1
-- Answer the hash, names and values in turn; nothing where another initialize owns the progress
local key = KEYS[1]
if redis.call('HGET', key, 'token') ~= ARGV[1] then return {} end
redis.call('HSET', key, 'position', ARGV[2], 'requested', ARGV[3])
if ARGV[4] == '1' then redis.call('HSETNX', key, 'ended_at', string.format('%.0f', now_ms())) end
return redis.call('HGETALL', key)
