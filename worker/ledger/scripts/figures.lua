-- Look where some stores stand; this changes nothing.
-- include: _store
-- KEYS   none
-- ARGV   1 prefix  2 now in ms  3 looks: how many jobs of a lane are looked at  4 and on: the stores' system ids
-- Answer JSON: for each store { under_way, hold: its hash as a list of names and values, paused: as in its hash, calls: by API how many count against its
--          limit now, kinds: by kind { counts: by state, present, expected: how many jobs there are and should be,
--          oldest_queued: since when the job waits that has waited longest, due: { member, ms } of the first retry } }
--
-- JSON, because a client reads one text far faster than many answers.
local now, looks, totals = ARGV[2], ARGV[3], prefix .. 'totals'
local STATES = { 'queued', 'sent', 'running', 'waiting', 'done', 'failed' }
local KINDS, APIS = { 'customer', 'subscription' }, { 'stamped', 'ipaas' }

-- The lanes of a store's queue, each the places from a lowest to a highest one. See `place_of` in _request.lua: a debug job's place is
-- below 0, another's is when it was queued, but a day later for one of the background. So the first of all need not be the oldest.
local LANES = { { '-inf', '0' }, { '(0', now }, { '(' .. now, '+inf' } }

local function oldest_queued(kind, system)
  local index, oldest = index_of('queued', kind, system), nil
  for _, lane in ipairs(LANES) do
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', index, lane[1], lane[2], 'LIMIT', 0, looks)) do
      local at = number(key_of(kind, member), 'queued_at')
      if at > 0 and at < (oldest or math.huge) then oldest = at end
    end
  end
  return oldest
end

-- Both counts in one script, because a sweep may forget jobs meanwhile.
local function expected(kind, system)
  return number(totals, 'born|' .. kind .. '|' .. system) - number(totals, 'gone|' .. kind .. '|' .. system)
end

-- How many jobs there are in each state. One command says that there are none: most stores have no subscription jobs.
local function count_by_state(kind, system)
  local indices, counts = {}, {}
  for place, state in ipairs(STATES) do indices[place] = index_of(state, kind, system) end
  local has_none = redis.call('EXISTS', unpack(indices)) == 0
  for place, state in ipairs(STATES) do counts[state] = has_none and 0 or redis.call('ZCARD', indices[place]) end
  return counts
end

local function of_kind(kind, system)
  local counts = count_by_state(kind, system)
  return {
    counts = counts,
    present = redis.call('ZCARD', index_of('recent', kind, system)),
    expected = expected(kind, system),
    oldest_queued = counts.queued > 0 and oldest_queued(kind, system) or nil,
    due = counts.waiting > 0 and redis.call('ZRANGE', index_of('waiting', kind, system), 0, 0, 'WITHSCORES') or nil,
  }
end

local function of_store(system)
  local calls, kinds = {}, {}
  for _, api in ipairs(APIS) do calls[api] = redis.call('ZCOUNT', slots_key(api, system), '(' .. now, '+inf') end
  for _, kind in ipairs(KINDS) do kinds[kind] = of_kind(kind, system) end
  local under_way = redis.call('SCARD', store_key('admitted', system))
  return {
    under_way = under_way, hold = redis.call('HGETALL', store_key('hold', system)), calls = calls, kinds = kinds,
    paused = field(prefix .. 'paused', system),
  }
end

local stores = {}
for place = 4, #ARGV do stores[place - 3] = of_store(ARGV[place]) end
return cjson.encode(stores)
