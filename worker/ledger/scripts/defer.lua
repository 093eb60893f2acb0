-- Rest until a retry is due.
-- include: _clock _job
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 token  5 rest in ms  6 error as JSON
--        7 grace in ms: how long after the due time the sweeper leaves the job to a Celery retry that carries it
-- Answer { 1 if the claim held, 1 if a message is owed: the job was asked for urgently meanwhile, and does not rest }
local kind, member = ARGV[2], ARGV[3]
local key = KEYS[1]
if not holds(key, ARGV[4]) then return { 0, 0 } end
if redis.call('HDEL', key, 'urgent') == 1 then
  start_over(kind, member)
  return { 1, 1 }
end
local due = now_ms() + tonumber(ARGV[5])
redis.call('HINCRBY', key, 'attempt', 1)
redis.call('HSET', key, 'due', text(due), 'error', ARGV[6])
redis.call('HDEL', key, 'token', 'losses')
if tonumber(ARGV[7]) > 0 then redis.call('HINCRBY', key, 'messages', 1) end
move(kind, member, 'waiting', due + tonumber(ARGV[7]))
return { 1, 0 }
