-- Put a job that has no slot for another call back to its place in its store's queue.
-- include: _ending
-- KEYS   1 the job's hash
-- ARGV   1 to 9: see `_ending`
--        10 new 0|1  11 created: see `note_consent`
-- Answer { 1 if the claim held, {} }
end_attempt('throttled')
note_consent(key, ARGV[10], ARGV[11])
redis.call('HDEL', key, 'losses')
-- Its `queued_at` stays: it keeps its turn, and one that needs many slots is not overtaken for ever.
enqueue(kind, member)
admit(system, limits)
return { 1, {} }
