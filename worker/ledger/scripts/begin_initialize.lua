-- Begin an initialize, or go on with one that was interrupted. Who begins last owns its progress from then on.
-- include: _clock
-- KEYS   1 the hash of its progress: position, requested, started_at, token; ended_at once it has ended;
--          last_ended_at where an earlier one had
-- ARGV   1 token  2 restart 0|1: begin anew, whatever was done before
-- Answer the hash, names and values in turn
local key, token = KEYS[1], ARGV[1]
local started, ended = redis.call('HGET', key, 'started_at'), redis.call('HGET', key, 'ended_at')
if not started or ended or ARGV[2] == '1' then
  local last_ended = ended or redis.call('HGET', key, 'last_ended_at')
  redis.call('DEL', key)
  redis.call('HSET', key, 'position', '', 'requested', '0', 'started_at', string.format('%.0f', now_ms()))
  if last_ended then redis.call('HSET', key, 'last_ended_at', last_ended) end
end
redis.call('HSET', key, 'token', token)
return redis.call('HGETALL', key)
