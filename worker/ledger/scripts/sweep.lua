-- Bring back the jobs of one kind and some stores that nobody would run, mend what is wrong, and forget what is old.
-- include: _mending _store _request _attempt
-- KEYS   1 the broker's list of the kind's queue
-- ARGV   1 prefix  2 kind  3 limits of these stores, as a JSON list in the order of their system ids
--        4 limit: how many jobs this brings back at most, and how many it forgets, whatever the number of stores
--        5 lost after ms  6 losses allowed: workers that may die in a row
--        7 error as JSON of a job that lost more, passed through  8 its code
--        9 keep failed for ms  10 keep done for ms  11 spread ms  12 longest call in ms
--        13 and on: the stores' system ids, as to_sweep.lua finds them; without any, the lists by code are looked at
-- Answer { retries that are due, leases that ran out, messages that were lost, { jobs that failed }, how much of its limit it
--          used, places and slots that were nobody's, jobs that were noted ahead of the clock }; admit.lua sends those that it
--          brings back
--
-- Nobody would run a job whose retry is due, whose lease ran out, or whose message was lost.
--
-- A job that kills its worker takes the others of that worker with it. The first time they all come back at once; from
-- then on one after the other, `spread` apart, so that the others get through and it alone has lost too often.
--
-- Lost or still on its way? The queue is first in, first out. A message is lost when one that was sent `lost after` later
-- has been started already, or when the queue is empty.
local IDLE_HOLD_MS = 10 * 60 * 1000
-- How many of a store's jobs and slots are looked at: what of them is nobody's counts against the limit, as all that is mended.
-- As many lists by code are.
local LOOKS = 250
local kind, budget, lost_after = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local now, failure, systems, limits = now_ms(), { ARGV[7], ARGV[8] }, { unpack(ARGV, 13) }, {}
for place, each in ipairs(limits_of(ARGV[3])) do limits[systems[place]] = each end

-- The members in a state of every store up to a score, with their store. Those whose row does not say so have no place there.
-- Whatever is looked at is taken off the budget.
local function members(state, before)
  local found = {}
  for _, system in ipairs(systems) do
    local index = index_of(state, kind, system)
    local seen = budget > 0 and redis.call('ZRANGEBYSCORE', index, '-inf', text(before), 'LIMIT', 0, budget) or {}
    budget = budget - #seen
    for _, member in ipairs(seen) do
      if field(key_of(kind, member), 'state') == state then
        found[#found + 1] = { member, system }
      else
        take_out(kind, system, member, state)
      end
    end
  end
  return found
end

local mended, strays = 0, 0
for _, system in ipairs(systems) do
  if redis.call('EXISTS', index_of('recent', kind, system)) == 1 then redis.call('SADD', prefix .. 'systems', system) end
  local moved = follow_clock(kind, system, now, budget)
  budget, mended = budget - moved, mended + moved
  if kind == 'customer' then follow_clock_of_hold(system, now) end
  if kind == 'customer' and budget > 0 then
    local freed = free_strays(system, limits[system], now, tonumber(ARGV[12]), LOOKS, true)
    budget, strays = budget - freed, strays + freed
  end
end
local newest = prefix .. 'newest:' .. kind
local started = tonumber(redis.call('GET', newest) or '0')
if started > now then
  redis.call('SET', newest, text(now))
  started = now
end

-- Before `due`, `dead` and `lost`, the clock was followed: by times that lie ahead nothing would be due until it has caught up.
local due = members('waiting', now)
for _, each in ipairs(due) do
  redis.call('HSET', key_of(kind, each[1]), 'queued_at', text(now))
  enqueue(kind, each[1])
end

local failed = {}
local function fail(member)
  local key = key_of(kind, member)
  redis.call('HSETNX', key, 'first_failed_at', text(now))
  redis.call('HSET', key, 'error', failure[1], 'code', failure[2])
  redis.call('HDEL', key, 'action', 'was_held')
  if not settle(kind, member, field(key, 'claimed') or '0', 'failed') then failed[#failed + 1] = member end
end

local dead = members('running', now)
for index, each in ipairs(dead) do
  local member, key = each[1], key_of(kind, each[1])
  -- All count as used: nobody knows which calls the lost worker has made.
  local attempt = attempt_of(key)
  return_slots(kind, member, limits[each[2]], attempt.slots)
  local losses = redis.call('HINCRBY', key, 'losses', 1)
  local is_last = losses > tonumber(ARGV[6])
  local fails = is_last and number(key, 'wanted') <= number(key, 'claimed')
  note_attempt(kind, member, fails and 'failed' or 'lost', is_last and failure or nil, NO_CALLS, attempt)
  if is_last then
    fail(member)
  elseif losses > 1 then
    redis.call('HDEL', key, 'token')
    redis.call('HSET', key, 'due', text(now))
    move(kind, member, 'waiting', now + (index - 1) * tonumber(ARGV[11]))
  else
    enqueue(kind, member)
  end
end

if redis.call('LLEN', KEYS[1]) == 0 then started = now end
local lost = members('sent', started - lost_after)
for _, each in ipairs(lost) do
  -- None was used: a job without a worker has made no call.
  return_slots(kind, each[1], limits[each[2]], field(key_of(kind, each[1]), 'slots'), NO_CALLS)
  redis.call('HDEL', key_of(kind, each[1]), 'messages')
  enqueue(kind, each[1])
end

-- A hold whose time is long over, of a store that has no job to prove it: the next job does without.
for _, system in ipairs(systems) do
  local hold = store_key('hold', system)
  local is_over = redis.call('EXISTS', hold) == 1 and number(hold, 'until') + IDLE_HOLD_MS < now
  local queued = redis.call('ZCARD', index_of('queued', 'customer', system))
    + redis.call('ZCARD', index_of('queued', 'subscription', system))
  if is_over and queued + redis.call('SCARD', store_key('admitted', system)) == 0 then redis.call('DEL', hold) end
  -- Redis may have lost that the pump must look, or have noted it by a clock that has stepped back since.
  if queued > 0 then look_again(system, now) end
end

-- A budget of its own: however much there is to forget, jobs are brought back, and the other way round.
local brought_back = tonumber(ARGV[4]) - budget
budget = tonumber(ARGV[4])
for state, keep_ms in pairs({ failed = tonumber(ARGV[9]), done = tonumber(ARGV[10]) }) do
  for _, each in ipairs(members(state, now - keep_ms)) do forget(kind, each[2], each[1]) end
end
local forgotten = tonumber(ARGV[4]) - budget

-- The lists by code, of which an earlier release, or a script that ended half-way, may have left places behind: once in each
-- sweep, and then some of all stores' lists, others each time.
local codes = prefix .. 'codes:' .. kind
local groups = #systems == 0 and redis.call('SMEMBERS', codes) or {}
for place = 1, math.min(#groups, LOOKS) do
  local group = groups[(now + place) % #groups + 1]
  local index = prefix .. 'code:' .. kind .. ':' .. group
  redis.call('ZREMRANGEBYSCORE', index, '-inf', text(now - tonumber(ARGV[9]) - IDLE_HOLD_MS))
  if redis.call('EXISTS', index) == 0 then
    redis.call('SREM', codes, group)
    redis.call('HDEL', prefix .. 'notes', kind .. ':' .. group)
  end
end
for name, count in pairs({ due = #due, dead = #dead, lost = #lost }) do
  if count > 0 then count_up('swept|' .. name .. '|' .. kind, count) end
end
return { #due, #dead, #lost, failed, math.max(brought_back, forgotten), strays, mended }
