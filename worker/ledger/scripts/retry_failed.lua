-- Reopen failed jobs of one kind whose first failure is not too long ago, a page at a time.
-- include: _clock _job
-- KEYS   none
-- ARGV   1 prefix  2 kind  3 page size  4 for ms: how long after the first failure a job is tried again
--        5 skip: how many failed jobs earlier pages left failed
-- Answer { how many of this page stay failed, members whose message is owed... }
local kind, now = ARGV[2], now_ms()
local page = redis.call('ZRANGE', index_of('failed', kind), ARGV[5], ARGV[5] + ARGV[3] - 1)
local answer = { 0 }
for _, member in ipairs(page) do
  local key = key_of(kind, member)
  local first = field(key, 'first_failed_at')
  if first and tonumber(first) > now - tonumber(ARGV[4]) then
    redis.call('HINCRBY', key, 'wanted', 1)
    redis.call('HDEL', key, 'attempt', 'losses')
    enqueue(kind, member)
    answer[#answer + 1] = member
  else
    answer[1] = answer[1] + 1
  end
end
return answer
