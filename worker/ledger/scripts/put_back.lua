-- Put a job that has no slot for another call back to its place in its store's queue.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls: see `calls_of`
--        7 new 0|1  8 created: see `note_consent`
-- Answer { 1 if the claim held, { jobs to send } }
local kind, member, terms, calls = ARGV[2], ARGV[3], terms_of(ARGV[4]), calls_of(ARGV[6])
local key, system = KEYS[1], system_of(ARGV[3])
if not owns(key, ARGV[5]) then return { 0, {} } end
return_slots(kind, member, terms, calls)
note_attempt(kind, member, 'throttled', nil, calls)
note_consent(key, ARGV[7], ARGV[8])
redis.call('HDEL', key, 'losses')
enqueue(kind, member)
return { 1, admit(system, terms) }
