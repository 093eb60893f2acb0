-- Bring the jobs of one kind back that nobody would run: a retry that is due, a lease that ran out, a lost message.
-- include: _clock _job _store
-- KEYS   1 the broker's list of the kind's queue
-- ARGV   1 prefix  2 kind  3 terms of every store, as JSON by system id, and 'default'
--        4 limit: how many at most  5 lost after ms  6 losses allowed: workers that may die in a row
--        7 error as JSON of a job that lost more  8 keep failed for ms  9 keep done for ms
--        10 spread ms
-- Answer { retries that are due, leases that ran out, messages that were lost, { jobs that failed } }; admit.lua sends
--     those that it brings back
--
-- A job that kills its worker takes the others of that worker with it. The first time they all come back at once; from
-- then on one after the other, `spread` apart, so that the others get through and it alone has lost too often.
--
-- Lost or still on its way? The queue is first in, first out. A message is lost when one that was sent `lost after` later
-- has been started already, or when the queue is empty.
local IDLE_HOLD_MS = 10 * 60 * 1000
local kind, limit, lost_after = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local now, stores = now_ms(), terms_of(ARGV[3])
local systems = redis.call('SMEMBERS', prefix .. 'systems')
table.sort(systems)

local function first(index, before, at_most)
  return redis.call('ZRANGEBYSCORE', prefix .. index, '-inf', text(before), 'LIMIT', 0, at_most)
end

-- The members in a state of every store, by the time that matters to it, at most `limit`.
local function members(state, before)
  local found = {}
  for _, system in ipairs(systems) do
    for _, member in ipairs(first(state .. ':' .. kind .. ':' .. system, before, limit - #found)) do
      found[#found + 1] = member
    end
    if #found == limit then break end
  end
  return found
end

local function terms_for(member) return stores[system_of(member)] or stores.default end

local due = members('waiting', now)
for _, member in ipairs(due) do
  redis.call('HSET', key_of(kind, member), 'queued_at', text(now))
  enqueue(kind, member)
end

local failed = {}
local function fail(member)
  local key = key_of(kind, member)
  redis.call('HSETNX', key, 'first_failed_at', text(now))
  redis.call('HSET', key, 'error', ARGV[7])
  redis.call('HDEL', key, 'action', 'spared', 'begun')
  settle(kind, member, field(key, 'claimed'), 'failed', ARGV[8])
  failed[#failed + 1] = member
end

local dead = members('running', now)
for index, member in ipairs(dead) do
  local key = key_of(kind, member)
  return_slots(kind, member, terms_for(member))
  local losses = redis.call('HINCRBY', key, 'losses', 1)
  local is_last = losses > tonumber(ARGV[6])
  note_attempt(kind, member, 'lost', is_last and ARGV[7] or '', '')
  if is_last then
    fail(member)
  elseif losses > 1 then
    redis.call('HDEL', key, 'token')
    redis.call('HSET', key, 'due', text(now))
    move(kind, member, 'waiting', now + (index - 1) * tonumber(ARGV[10]))
  else
    enqueue(kind, member)
  end
end

local started = tonumber(redis.call('GET', prefix .. 'newest:' .. kind) or '0')
if redis.call('LLEN', KEYS[1]) == 0 then started = now end
local lost = members('sent', started - lost_after)
for _, member in ipairs(lost) do
  return_slots(kind, member, terms_for(member), { stamped = 0, ipaas = 0 })
  redis.call('HSET', key_of(kind, member), 'messages', 0)
  enqueue(kind, member)
end

-- A hold whose time is long over, of a store that has no job to prove it: the next job does without.
for _, system in ipairs(systems) do
  local hold = store_key('hold', system)
  local is_over = redis.call('EXISTS', hold) == 1 and number(hold, 'until') + IDLE_HOLD_MS < now
  local queued = redis.call('ZCARD', prefix .. 'queued:customer:' .. system)
    + redis.call('ZCARD', prefix .. 'queued:subscription:' .. system)
  if is_over and queued + redis.call('SCARD', store_key('admitted', system)) == 0 then redis.call('DEL', hold) end
end

-- Forgetting costs little, and must keep up with the fastest store.
local forgotten = 10 * limit
local function forget_old(state, keep_ms)
  for _, system in ipairs(systems) do
    for _, member in ipairs(first(state .. ':' .. kind .. ':' .. system, now - keep_ms, forgotten)) do
      forget(kind, member, state)
    end
  end
end
for _, member in ipairs(first('brief:' .. kind, now, forgotten)) do
  if redis.call('EXISTS', key_of(kind, member)) == 0 then forget(kind, member, 'done') end
  redis.call('ZREM', prefix .. 'brief:' .. kind, member)
end
forget_old('failed', tonumber(ARGV[8]))
forget_old('done', tonumber(ARGV[9]))
for _, group in ipairs(redis.call('SMEMBERS', prefix .. 'codes:' .. kind)) do
  local key = prefix .. 'code:' .. kind .. ':' .. group
  for _, member in ipairs(first('code:' .. kind .. ':' .. group, now - tonumber(ARGV[8]), forgotten)) do
    redis.call('ZREM', key, member)
  end
  if redis.call('EXISTS', key) == 0 then redis.call('SREM', prefix .. 'codes:' .. kind, group) end
end
for name, count in pairs({ due = #due, dead = #dead, lost = #lost }) do
  if count > 0 then count_up('swept|' .. name .. '|' .. kind, count) end
end
return { #due, #dead, #lost, failed }
