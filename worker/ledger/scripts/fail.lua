-- End a job badly; it stays open to a re-run, and a new trigger reopens it: at once where one came during the run.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls: see `calls_of`
--        7 version  8 error as JSON, passed through  9 its code  10 its HTTP status, 0 for none
-- Answer { 1 if the claim held, { jobs to send }, 1 if a hold of the store ends, 1 if it runs again at once,
--          1 if it is news: the job has not failed so since somebody last asked for it }
local kind, member, terms, calls = ARGV[2], ARGV[3], terms_of(ARGV[4]), calls_of(ARGV[6])
local key, system, version, failure = KEYS[1], system_of(ARGV[3]), ARGV[7], { ARGV[8], ARGV[9] }
if not owns(key, ARGV[5]) then return { 0, {}, 0, 0, 0 } end
local runs_again = number(key, 'wanted') > tonumber(version)
return_slots(kind, member, terms, calls)
note_attempt(kind, member, runs_again and 'queued' or 'failed', failure, calls)
local ended, is_news, report = prove(system, calls), 0, failure[2] .. ' ' .. ARGV[10]
if not runs_again then
  is_news = field(key, 'reported') ~= report and 1 or 0
  redis.call('HINCRBY', key, 'attempt', 1)
  redis.call('HSETNX', key, 'first_failed_at', text(now_ms()))
  redis.call('HSET', key, 'error', failure[1], 'code', failure[2], 'reported', report)
  redis.call('HDEL', key, 'action', 'met', 'met_call', 'met_mark', 'spared')
end
settle(kind, member, version, 'failed')
return { 1, admit(system, terms), ended, runs_again and 1 or 0, is_news }
