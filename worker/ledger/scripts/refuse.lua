-- Note a notification that was refused. The same one noted twice stays one.
-- include: _clock
-- KEYS   1 the sorted set of refusals, by time
-- ARGV   1 the refusal as JSON  2 how many to keep
-- Answer how many are kept
redis.call('ZADD', KEYS[1], string.format('%.0f', now_ms()), ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[2]))
return redis.call('ZCARD', KEYS[1])
