-- One store: how many of its jobs may be under way, and how many calls it may still get.
-- include: _job
--   <prefix>admitted:<system_id>           set of <kind>:<member> that have a message or run: at most `concurrent`
--   <prefix>slots:<api>:<system_id>        sorted set with an entry for each call that counts against the API's limit,
--                                          by when it no longer does; never, while its job is under way
--   <prefix>hold:<system_id>               hash of a store that is held, or was and has not proved itself since:
--                                          until, length, error, code, since, level, the api that answered so, and once its
--                                          time is over the probe: the one job that may run
--   <prefix>strikes:<api>:<system_id>      set of the jobs that met trouble of the API since it last answered well
--   <prefix>store:<system_id>              hash of counters: slot (the last entry's name), turn, and `well <call>`: how often
--                                          a call was answered as it should be
-- A job gets the slots that it usually needs when it is admitted, so its calls cost no round trip of their own. A slot
-- is given back a window after the call has ended: whenever the store got the call, its own windows hold no more.
local USUAL = { customer = { stamped = 1, ipaas = 3 }, subscription = { stamped = 2, ipaas = 1 } }

-- An API's name in the keys, from the one that calls are noted under: 'stamped' of Stamped.io.
local function api_of(call) return string.lower(string.match(call[1], '^%a+')) end

local function store_key(name, system) return prefix .. name .. ':' .. system end

local function slots_key(api, system) return store_key('slots:' .. api, system) end

-- Limits of a store: JSON { concurrent, looks 0|1: whether a transfer looks who shares its customer, apis = { stamped = { limit,
-- window_ms }, ipaas = ... } }; an API that is not in it has no limit.
local function limits_of(json) return cjson.decode(json) end

-- The calls that an attempt made, from JSON [[api, method, route, status or null, ms, 1 if it was answered well], ...]: how many
-- of each API, and the names and APIs of those that were answered well at last: what met trouble after it was answered well
-- proves nothing. All of it is ours: nothing of it came from outside.
local function calls_of(json)
  local calls = { json = json, all = cjson.decode(json), stamped = 0, ipaas = 0, well = {}, well_apis = {} }
  for _, call in ipairs(calls.all) do
    local api = api_of(call)
    calls[api] = calls[api] + 1
    calls.well[api .. ' ' .. call[2] .. ' ' .. call[3]] = call[6] == 1 or nil
    calls.well_apis[api] = call[6] == 1 or nil
  end
  return calls
end

local NO_CALLS = { json = '[]', all = {}, stamped = 0, ipaas = 0, well = {}, well_apis = {} }

local function free_slots(api, system, limits, now)
  local key = slots_key(api, system)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
  return limits.apis[api].limit - redis.call('ZCARD', key)
end

-- How many calls to an API a job needs: what is usual for its kind, or more if an earlier run came to need it; never more
-- than the limit, or the job could never run.
local function needs_of(kind, member, api, limits)
  local noted = string.match(field(key_of(kind, member), 'needs') or '', api .. '=(%d+)')
  local usual = USUAL[kind][api] + (kind == 'customer' and api == 'ipaas' and limits.looks or 0)
  return math.min(math.max(tonumber(noted or '0'), usual), limits.apis[api].limit)
end

-- A job's slots are kept in its row as `stamped=12,13 ipaas=14`: their names by API.
local function slots_of(key)
  local slots = {}
  for api, names in string.gmatch(field(key, 'slots') or '', '(%a+)=([%d,]*)') do
    slots[api] = {}
    for name in string.gmatch(names, '%d+') do table.insert(slots[api], name) end
  end
  return slots
end

local function note_slots(key, slots)
  local parts = {}
  for api, names in pairs(slots) do parts[#parts + 1] = api .. '=' .. table.concat(names, ',') end
  redis.call('HSET', key, 'slots', table.concat(parts, ' '))
end

-- A slot has no end while its job is under way: its message may wait, and its calls take, however long they like. The end
-- of the job gives it back, or the sweep if a worker or a message was lost.
local function take_slot(api, system)
  local name = redis.call('HINCRBY', store_key('store', system), 'slot', 1)
  redis.call('ZADD', slots_key(api, system), '+inf', name)
  return name
end

local function take_slots(kind, member, system, limits)
  local taken = {}
  for api in pairs(limits.apis) do
    taken[api] = {}
    -- All at once: two jobs that each held a part of what they need would wait for each other.
    for index = 1, needs_of(kind, member, api, limits) do taken[api][index] = take_slot(api, system) end
  end
  note_slots(key_of(kind, member), taken)
end

-- Give back the slots of a job: those used count for a window from now on, the others no longer. `used` nil: all used.
local function return_slots(kind, member, limits, used)
  local key, system, now = key_of(kind, member), system_of(member), now_ms()
  local slots = slots_of(key)
  redis.call('SREM', store_key('admitted', system), kind .. ':' .. member)
  -- The names go from the row before the slots are freed: one that is left over if this stops half-way is nobody's, and the sweep
  -- frees it. In the other order the row would still cover calls with slots that are free again.
  redis.call('HDEL', key, 'slots')
  for api, names in pairs(slots) do
    for index, name in ipairs(names) do
      local is_used = not used or index <= used[api]
      if is_used and limits.apis[api] then
        redis.call('ZADD', slots_key(api, system), text(now + limits.apis[api].window_ms), name)
      else
        redis.call('ZREM', slots_key(api, system), name)
      end
    end
  end
end

local function has_slots(kind, member, system, limits, now)
  for api in pairs(limits.apis) do
    if free_slots(api, system, limits, now) < needs_of(kind, member, api, limits) then return false end
  end
  return true
end

-- Whether the store has a place for one more job. One that was held proves itself with one job at a time.
local function has_place(system, limits)
  local was_held = redis.call('EXISTS', store_key('hold', system)) == 1
  return redis.call('SCARD', store_key('admitted', system)) < (was_held and 1 or limits.concurrent)
end

-- Whether the store may get one more job now.
local function has_room(system, limits, now)
  return number(store_key('hold', system), 'until') <= now and has_place(system, limits)
end

local function take(kind, member, system, limits)
  local name, hold = kind .. ':' .. member, store_key('hold', system)
  take_slots(kind, member, system, limits)
  redis.call('SADD', store_key('admitted', system), name)
  redis.call('HINCRBY', store_key('store', system), 'turn', 1)
  if redis.call('EXISTS', hold) == 1 then redis.call('HSET', hold, 'probe', name) end
end

-- Whether a job that is admitted may run: not while its store is held, and then as its probe alone.
local function may_run(kind, member, system, now)
  local hold = store_key('hold', system)
  if redis.call('EXISTS', hold) == 0 then return true end
  return number(hold, 'until') <= now and field(hold, 'probe') == kind .. ':' .. member
end

-- Hold a store for trouble of one of its APIs until `ms` from now. A hold that follows another without a success between is
-- twice as long, up to `longest_ms`; one that is asked for while the store is held only makes it longer. `failure` is { error,
-- code }. Answers 1 if a hold begins.
local function hold(system, api, failure, ms, longest_ms)
  local key, now = store_key('hold', system), now_ms()
  -- Whoever was to prove the store has met trouble, too: the next job is another probe.
  redis.call('HDEL', key, 'probe')
  local held_until = number(key, 'until')
  if held_until > now then
    if now + ms > held_until then redis.call('HSET', key, 'until', text(now + ms), 'length', text(ms)) end
    return 0
  end
  -- The level stays until a call is answered well, so that a store which is down for hours is asked ever less often.
  local level = number(key, 'level')
  local length = math.max(ms, math.min(ms * 2 ^ level, longest_ms))
  redis.call(
    'HSET', key, 'until', text(now + length), 'length', text(length), 'error', failure[1], 'code', failure[2],
    'level', level + 1, 'api', api
  )
  local begins = redis.call('HSETNX', key, 'since', text(now))
  if begins == 1 then count_up('holds|' .. system .. '|' .. failure[2], 1) end
  return begins
end

-- Whether an attempt's calls end the hold of the store: its API answered well, and the hold's time is over.
local function ends_hold(system, calls)
  local key = store_key('hold', system)
  return calls.well_apis[field(key, 'api') or ''] and number(key, 'until') <= now_ms()
end

-- An attempt ended some of whose calls were answered as they should be: accepted, or refused for one customer's sake. Each is
-- counted, for whoever met trouble with the same call; that ends the strikes of such an API, and its hold, unless the hold's
-- time is still running, which the job had begun before. Answers 1 if a hold ends.
--
-- Called before the next jobs are admitted: a hold that ends lets more than its probe through.
local function store_answered(system, calls)
  for call in pairs(calls.well) do redis.call('HINCRBY', store_key('store', system), 'well ' .. call, 1) end
  for api in pairs(calls.well_apis) do redis.call('DEL', store_key('strikes:' .. api, system)) end
  return ends_hold(system, calls) and redis.call('DEL', store_key('hold', system)) or 0
end
