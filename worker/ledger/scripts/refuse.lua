-- Note a notification that was refused. The same one noted twice (a cut connection) stays one.
-- include: _clock _field
-- KEYS   1 the sorted set of refusals, by time  2 the counts that only grow
-- ARGV   1 the refusal as JSON, passed through  2 how many to keep  3 its code
-- Answer how many are kept
if redis.call('ZADD', KEYS[1], text(now_ms()), ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[2], 'refused|' .. ARGV[3], 1)
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[2]))
return redis.call('ZCARD', KEYS[1])
