-- Reopen failed jobs of one kind and store whose first failure is not too long ago, a page at a time.
-- include: _clock _job
-- KEYS   none
-- ARGV   1 prefix  2 kind  3 page size  4 for ms: how long after the first failure a job is tried again
--        5 skip: how many failed jobs earlier pages left failed  6 system id
-- Answer { how many of this page stay failed, how many were reopened }; admit.lua sends them
local kind, now = ARGV[2], now_ms()
local page = redis.call('ZRANGE', prefix .. 'failed:' .. kind .. ':' .. ARGV[6], ARGV[5], ARGV[5] + ARGV[3] - 1)
local reopened = 0
for _, member in ipairs(page) do
  local key = key_of(kind, member)
  local first = field(key, 'first_failed_at')
  if first and tonumber(first) > now - tonumber(ARGV[4]) then
    redis.call('HINCRBY', key, 'wanted', 1)
    redis.call('HDEL', key, 'attempt', 'losses')
    redis.call('HSET', key, 'queued_at', text(now))
    enqueue(kind, member)
    reopened = reopened + 1
  end
end
return { #page - reopened, reopened }
