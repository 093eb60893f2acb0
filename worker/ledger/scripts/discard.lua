-- Forget a failed job.
-- include: _clock _job
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member
-- Answer 1, or 0 where the job is not failed
if field(KEYS[1], 'state') ~= 'failed' then return 0 end
list_by_code('ZREM', ARGV[2], ARGV[3])
redis.call('DEL', KEYS[1], history_of(ARGV[2], ARGV[3]))
forget(ARGV[2], ARGV[3], 'failed')
return 1
