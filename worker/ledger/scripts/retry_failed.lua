-- Reopen failed jobs of one kind and store whose first failure is not too long ago, a page at a time.
-- include: _request
-- KEYS   none
-- ARGV   1 prefix  2 kind  3 page size  4 for ms: how long after the first failure a job is tried again
--        5 skip: how many failed jobs earlier pages left failed  6 system id
-- Answer { how many of this page stay failed, how many were retried, how many were no failed jobs }; admit.lua sends them
local kind, system, now = ARGV[2], ARGV[6], now_ms()
local page = redis.call('ZRANGE', index_of('failed', kind, system), ARGV[5], ARGV[5] + ARGV[3] - 1)
local retried, stray = 0, 0
for _, member in ipairs(page) do
  local key = key_of(kind, member)
  local first = tonumber(field(key, 'first_failed_at') or '')
  if field(key, 'state') ~= 'failed' then
    take_out(kind, system, member, 'failed')
    stray = stray + 1
  elseif first and first > now - tonumber(ARGV[4]) then
    -- `first_failed_at` stays: or the schedule would go on for ever with a job that fails each time.
    redis.call('HINCRBY', key, 'wanted', 1)
    redis.call('HDEL', key, unpack(TROUBLES))
    redis.call('HSET', key, 'queued_at', text(now), 'asker', 'schedule')
    enqueue(kind, member)
    retried = retried + 1
  end
end
return { #page - retried - stray, retried, stray }
