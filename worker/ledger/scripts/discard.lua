-- Forget a failed job.
-- include: _job
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 limits of the store, which it does not need
-- Answer 1, or 0 if the job is not failed
local kind, member, state = ARGV[2], ARGV[3], field(KEYS[1], 'state')
local system = system_of(member)
if state == 'failed' then
  forget(kind, system, member)
  return 1
end
-- One that was forgotten half-way still shows among the failed jobs.
local is_left = not state and redis.call('ZSCORE', index_of('failed', kind, system), member)
if is_left then take_out(kind, system, member, 'failed') end
return is_left and 1 or 0
