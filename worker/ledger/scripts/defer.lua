-- Rest until a retry is due.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls: see `calls_of`
--        7 rest in ms  8 error as JSON, passed through  9 its code
--        10 grace in ms: how long after the due time the sweeper leaves the job to a Celery retry that carries it
--        11 attempts that it costs: 1, or 0 if the trouble is the whole store's  12 new 0|1
--        13 created: the id in Stamped.io, or ''; see `note_consent`
-- Answer { 1 if the claim held, { jobs to send }, 1 if a hold of the store ends,
--          1 if it does not rest: it was asked for by a person meanwhile }
local kind, member, terms, calls = ARGV[2], ARGV[3], terms_of(ARGV[4]), calls_of(ARGV[6])
local key, system, failure, grace = KEYS[1], system_of(ARGV[3]), { ARGV[8], ARGV[9] }, tonumber(ARGV[10])
if not owns(key, ARGV[5]) then return { 0, {}, 0, 0 } end
local is_urgent = field(key, 'urgent')
return_slots(kind, member, terms, calls)
note_attempt(kind, member, is_urgent and 'queued' or 'waiting', failure, calls)
note_consent(key, ARGV[12], ARGV[13])
local ended = prove(system, calls)
if is_urgent then
  start_over(kind, member)
  return { 1, admit(system, terms), ended, 1 }
end
local due = now_ms() + tonumber(ARGV[7])
redis.call('HINCRBY', key, 'attempt', ARGV[11])
redis.call('HSET', key, 'due', text(due), 'error', failure[1], 'code', failure[2])
redis.call('HDEL', key, 'token', 'losses')
if grace > 0 then redis.call('HINCRBY', key, 'messages', 1) end
move(kind, member, 'waiting', due + grace)
return { 1, admit(system, terms), ended, 0 }
