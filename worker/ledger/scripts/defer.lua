-- Rest until a retry is due.
-- include: _ending
-- KEYS   1 the job's hash
-- ARGV   1 to 9: see `_ending`
--        10 rest in ms  11 error as JSON, passed through  12 its code
--        13 grace in ms: how long after the due time the sweeper leaves the job to a Celery retry that carries it
--        14 attempts that it costs: 1, or 0 if the trouble is the whole store's
--        15 new 0|1  16 created: see `note_consent`
-- Answer { 1 if the claim held, what `carry_on` does, 1 if a hold of the store ends,
--          1 if it does not rest: a person asked for it meanwhile }
local failure, grace = { ARGV[11], ARGV[12] }, tonumber(ARGV[13])
-- A person who asked for it during the run does not wait for the retry.
local is_urgent = field(key, 'urgent')
end_attempt(is_urgent and 'queued' or 'waiting', failure)
note_consent(key, ARGV[15], ARGV[16])
local ended = store_answered(system, calls)
if is_urgent then
  start_over(kind, member)
  return { 1, carry_on(), ended, 1 }
end
local due = now_ms() + tonumber(ARGV[10])
redis.call('HINCRBY', key, 'attempt', ARGV[14])
redis.call('HSET', key, 'due', text(due), 'error', failure[1], 'code', failure[2])
redis.call('HDEL', key, 'token', 'losses')
if grace > 0 then redis.call('HINCRBY', key, 'messages', 1) end
-- The sweep looks by this place, the claim by `due`: so the Celery retry comes first, and the sweep only if that was lost.
move(kind, member, 'waiting', due + grace)
return { 1, carry_on(), ended, 0 }
