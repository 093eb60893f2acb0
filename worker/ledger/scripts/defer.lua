-- Rest until a retry is due, at the cost of an attempt.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls made, as JSON by API
--        7 rest in ms  8 error as JSON
--        9 grace in ms: how long after the due time the sweeper leaves the job to a Celery retry that carries it
--        10 calls in full, as JSON
-- Answer { 1 if the claim held, { jobs to send }, 1 if it does not rest: it was asked for urgently meanwhile }
local kind, member, terms = ARGV[2], ARGV[3], terms_of(ARGV[4])
local key = KEYS[1]
if not holds(key, ARGV[5]) then return { 0, {}, 0 } end
return_slots(kind, member, terms, cjson.decode(ARGV[6]))
note_attempt(kind, member, 'waiting', ARGV[8], ARGV[10])
if field(key, 'urgent') then
  start_over(kind, member)
  return { 1, admit(system_of(member), terms), 1 }
end
local due = now_ms() + tonumber(ARGV[7])
redis.call('HINCRBY', key, 'attempt', 1)
redis.call('HSET', key, 'due', text(due), 'error', ARGV[8])
redis.call('HDEL', key, 'token', 'losses')
if tonumber(ARGV[9]) > 0 then redis.call('HINCRBY', key, 'messages', 1) end
move(kind, member, 'waiting', due + tonumber(ARGV[9]))
return { 1, admit(system_of(member), terms), 0 }
