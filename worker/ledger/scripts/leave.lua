-- Leave a job to a worker that knows its connection: it goes back to its place in its store's queue, and nothing was attempted.
-- include: _ending
-- KEYS   1 the job's hash
-- ARGV   1 to 9 and the last: see `_ending`
-- Answer { 1 if the claim held, {} }
return_slots(kind, member, limits, attempt.slots, NO_CALLS)
redis.call('HDEL', key, 'losses', 'claimed_at', 'worker')
leave(kind, member, system, now_ms())
return { 1, {} }
