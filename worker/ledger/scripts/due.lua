-- The stores that the pump must look at now: their next job waits for time alone, and the time has come.
-- include: _clock _field
-- KEYS   1 sorted set of stores, by when
-- ARGV   1 how many at most
-- Answer { { system ids }, ms until the next one is due: 0 if there are more, -1 if there is none }
local now, most = text(now_ms()), tonumber(ARGV[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, most + 1)
if #due > most then
  table.remove(due)
  return { due, 0 }
end
local later = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return { due, later[2] and later[2] - now or -1 }
