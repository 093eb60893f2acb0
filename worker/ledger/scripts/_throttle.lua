-- The throttle of one store: how many calls each of its APIs may still get.
-- include: _job
--   <prefix>slots:<api>:<system_id>        sorted set with an entry for each call that counts against the API's limit,
--                                          by when it no longer does; never, while its job is under way
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
