-- End a job badly; it stays open to a re-run, and a new trigger reopens it.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls made, as JSON by API
--        7 version  8 error as JSON  9 keep for ms
--        10 proves 0|1: the error is the job's own, so its store works  11 calls in full, as JSON
-- Answer { 1 if the claim held, { jobs to send }, 1 if a hold of the store ends }
local key, terms = KEYS[1], terms_of(ARGV[4])
if not holds(key, ARGV[5]) then return { 0, {}, 0 } end
return_slots(ARGV[2], ARGV[3], terms, cjson.decode(ARGV[6]))
note_attempt(ARGV[2], ARGV[3], 'failed', ARGV[8], ARGV[11])
redis.call('HINCRBY', key, 'attempt', 1)
redis.call('HSETNX', key, 'first_failed_at', text(now_ms()))
redis.call('HSET', key, 'error', ARGV[8])
redis.call('HDEL', key, 'action', 'spared', 'begun')
settle(ARGV[2], ARGV[3], ARGV[7], 'failed', ARGV[9])
local system = system_of(ARGV[3])
local ended = ARGV[10] == '1' and prove(system, cjson.decode(ARGV[6])) or 0
return { 1, admit(system, terms), ended }
