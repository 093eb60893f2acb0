-- Forget a failed job.
-- include: _job _events
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 limits of the store, which it does not need
--        5 '1' to forget one that waits or rests, too: of a connection that is not configured any more
--        6 asker: see `note_event` in _events.lua  7 why, as JSON  8 the code that it must have failed with, '' for any
-- Answer 1, or 0 if the job is in another state
local kind, member, state = ARGV[2], ARGV[3], field(KEYS[1], 'state')
local system = system_of(member)
local is_meant = ARGV[8] == '' or code_of(KEYS[1]) == ARGV[8]
local is_waiting = ARGV[5] == '1' and (state == 'queued' or state == 'waiting')
if is_waiting then redis.call('ZREM', index_of(state, kind, system), member) end
if state == 'failed' and is_meant or is_waiting then
  -- First: what is forgotten without a word would be a riddle, while a word too many does no harm.
  note_change({
    kind = kind, system = system, customer = string.sub(member, #system + 2), outcome = 'discarded',
    code = state == 'failed' and field(KEYS[1], 'code') or nil, asker = ARGV[6], note = ARGV[7],
  })
  forget(kind, system, member)
  return 1
end
-- One that was forgotten half-way still shows among the failed jobs.
local is_left = not state and redis.call('ZSCORE', index_of('failed', kind, system), member)
if is_left then take_out(kind, system, member, 'failed') end
return is_left and 1 or 0
