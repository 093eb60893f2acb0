-- Find the jobs of one kind that nobody will run: a retry that is due, a lease that ran out, a message that was lost.
-- include: _clock _job
-- KEYS   1 the broker's list of the kind's queue
-- ARGV   1 prefix  2 kind  3 limit: how many at most  4 lost after ms  5 losses allowed: workers that may die in a row
--        6 error as JSON of a job that lost more  7 keep failed for ms  8 keep done for ms
-- Answer members whose message is owed
--
-- Lost or still queued? The queue is first in, first out. A message is lost when one that was sent `lost after` later
-- has been started already, or when the queue is empty.
local kind, limit, lost_after = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now, owed = now_ms(), {}

local function members(state, before)
  local left = math.max(limit - #owed, 0)
  return redis.call('ZRANGEBYSCORE', index_of(state, kind), '-inf', text(before), 'LIMIT', 0, left)
end

local function send(member)
  enqueue(kind, member)
  owed[#owed + 1] = member
end

for _, member in ipairs(members('waiting', now)) do send(member) end

for _, member in ipairs(members('running', now)) do
  local key = key_of(kind, member)
  if redis.call('HINCRBY', key, 'losses', 1) <= tonumber(ARGV[5]) then
    send(member)
  else
    redis.call('HSETNX', key, 'first_failed_at', text(now))
    redis.call('HSET', key, 'error', ARGV[6])
    if settle(kind, member, field(key, 'wanted'), 'failed', ARGV[7]) == 1 then owed[#owed + 1] = member end
  end
end

local started = tonumber(redis.call('GET', index_of('newest', kind)) or '0')
if redis.call('LLEN', KEYS[1]) == 0 then started = now end
for _, member in ipairs(members('queued', started - lost_after)) do
  redis.call('HSET', key_of(kind, member), 'messages', 0)
  send(member)
end

local function forget(state, keep_ms)
  local old = redis.call('ZRANGEBYSCORE', index_of(state, kind), '-inf', text(now - keep_ms), 'LIMIT', 0, limit)
  if #old > 0 then redis.call('ZREM', index_of(state, kind), unpack(old)) end
end
forget('failed', tonumber(ARGV[7]))
forget('done', tonumber(ARGV[8]))
return owed
