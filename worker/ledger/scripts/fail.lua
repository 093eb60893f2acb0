-- End a job badly; it stays open to a re-run, and a new trigger runs it again: at once if one came during the run.
-- include: _ending
-- KEYS   1 the job's hash
-- ARGV   1 to 9: see `_ending`
--        10 version  11 error as JSON, passed through  12 its code  13 its HTTP status, 0 for none
-- Answer { 1 if the claim held, what `carry_on` does, 1 if a hold of the store ends, 1 if it waits for its turn again,
--          1 if it is news: the job has not failed so since somebody last asked for it }
local version, failure = ARGV[10], { ARGV[11], ARGV[12] }
local is_requeued = number(key, 'wanted') > tonumber(version)
end_attempt(is_requeued and 'queued' or 'failed', failure)
local ended, is_news, report = store_answered(system, calls), 0, failure[2] .. ' ' .. ARGV[13]
if not is_requeued then
  is_news = field(key, 'reported') ~= report and 1 or 0
  redis.call('HINCRBY', key, 'attempt', 1)
  redis.call('HSETNX', key, 'first_failed_at', text(now_ms()))
  -- The code before the state: `settle` lists the failed job under it.
  redis.call('HSET', key, 'error', failure[1], 'code', failure[2], 'reported', report)
  redis.call('HDEL', key, 'action', 'met', 'met_call', 'met_mark', 'was_held')
end
settle(kind, member, version, 'failed')
return { 1, carry_on(), ended, is_requeued and 1 or 0, is_news }
