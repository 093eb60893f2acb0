-- Find the stores among some in which a sweep of one kind has something to do; this changes nothing.
-- include: _mending
-- KEYS   1 the broker's list of the kind's queue
-- ARGV   1 prefix  2 kind  3 known 0|1: whether these stores are in the set of systems  4 lost after ms  5 keep failed for ms
--        6 keep done for ms  7 and on: the stores' system ids
-- Answer { the stores in which something is due, those of the others where places or slots may be nobody's }
--
-- A sweep looks at much more of a store, and most of a thousand stores have nothing to sweep at most times.
local kind, is_known, now = ARGV[2], ARGV[3] == '1', now_ms()

-- The time of an index's first or last member; nil if it is empty.
local function time_at(index, rank)
  local found = redis.call('ZRANGE', index, rank, rank, 'WITHSCORES')
  return tonumber(found[2] or '')
end

-- When the newest message that has been started was sent, see sweep.lua.
local started = math.min(tonumber(redis.call('GET', prefix .. 'newest:' .. kind) or '0'), now)
if redis.call('LLEN', KEYS[1]) == 0 then started = now end

-- By which time something in a state has waited too long.
local LATEST = { waiting = now, running = now, sent = started - tonumber(ARGV[4]) }
LATEST.failed, LATEST.done = now - tonumber(ARGV[5]), now - tonumber(ARGV[6])

-- Whether something in one of some states has. One command says that there is nothing in any of them, as in most stores.
local function has_overdue(system, states)
  local indices = {}
  for place, state in ipairs(states) do indices[place] = index_of(state, kind, system) end
  if redis.call('EXISTS', unpack(indices)) == 0 then return false end
  for place, state in ipairs(states) do
    local first = time_at(indices[place], 0)
    if first and first <= LATEST[state] then return true end
  end
  return false
end

-- Whether jobs of either kind wait, none is under way whose end lets them run, and the pump does not know of the store.
local function is_forgotten(system)
  local queues = { index_of('queued', 'customer', system), index_of('queued', 'subscription', system) }
  return kind == 'customer' and redis.call('EXISTS', unpack(queues)) > 0
    and redis.call('EXISTS', store_key('admitted', system)) == 0
    and not redis.call('ZSCORE', prefix .. 'due', system)
end

local function is_due(system)
  local recent = index_of('recent', kind, system)
  local newest = time_at(recent, -1)
  if newest and (not is_known or newest > now + AHEAD_MS) then return true end
  if has_overdue(system, { 'waiting', 'running', 'sent' }) then return true end
  -- None has ended before the oldest change of all, but for jobs that a step of the clock brought back, which are kept a little
  -- longer. There is no such change if Redis has lost the index.
  local oldest = newest and time_at(recent, 0)
  local is_young = oldest and oldest > math.max(LATEST.failed, LATEST.done)
  return not is_young and has_overdue(system, { 'failed', 'done' })
end

-- Both kinds share a store's places and slots, so one of them is enough.
local function may_have_strays(system)
  if kind ~= 'customer' then return false end
  if redis.call('EXISTS', store_key('admitted', system), store_key('hold', system)) > 0 then return true end
  local stamped, ipaas = slots_key('stamped', system), slots_key('ipaas', system)
  if redis.call('EXISTS', stamped, ipaas) == 0 then return false end
  return math.max(time_at(stamped, -1) or 0, time_at(ipaas, -1) or 0) > now
end

local due, others = {}, {}
for place = 7, #ARGV do
  local system = ARGV[place]
  if is_due(system) or is_forgotten(system) then
    due[#due + 1] = system
  elseif may_have_strays(system) then
    others[#others + 1] = system
  end
end
return { due, others }
