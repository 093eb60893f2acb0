-- The throttle of one store: how many calls each of its APIs may still get.
-- include: _row
--   <prefix>slots:<api>:<system_id>        sorted set with an entry for each call that counts against the API's limit,
--                                          by when it no longer does; never, while its job is under way
-- The slots of a backlog are taken a little faster than the window allows, so that nothing of the allowance is lost to a pause of
-- the workers, and at most by this part of a window ahead of that.
local PACE, AHEAD = 0.95, 1 / 50

-- The part of an allowance whose slots need no pace.
local UNPACED = 1 / 10

-- How long at least, as a part of the window, a store that goes by its pace rests: then several jobs are let run in one step.
local REST = 1 / 100

local function slots_key(api, system) return store_key('slots:' .. api, system) end

-- Limits of a store: JSON { concurrent, looks 0|1: whether a transfer looks who shares its customer, apis = { stamped = { limit,
-- window_ms }, ipaas = ... }, unknown: true if this process does not know the store, and so admits nothing, guessed: true if they are the
-- least, as nobody has read yet what they are }; an API that is not in it has no limit.
local function limits_of(json) return cjson.decode(json) end

local function used_slots(api, system, now)
  local key = slots_key(api, system)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
  return redis.call('ZCARD', key)
end

local function free_slots(api, system, limits, now) return limits.apis[api].limit - used_slots(api, system, now) end

local function pace_of(api, system) return number(store_key('store', system), 'paced ' .. api) end

-- Move the time from which on a store's next slot of an API is in its pace, by what `count` slots take; negative for slots that
-- are given back unused.
local function move_pace(api, system, limit, count, now)
  local at = math.max(pace_of(api, system), now) + count * PACE * limit.window_ms / limit.limit
  redis.call('HSET', store_key('store', system), 'paced ' .. api, string.format('%.3f', at))
end

-- How long a job waits for the pace of its store, in ms. A tenth of the allowance needs none: whoever changes a few customers sees
-- them at once. A pace that is more than a window ahead is that of a clock which stepped back.
local function wait_for_pace(api, system, limit, used, now)
  if used <= limit.limit * UNPACED then return 0 end
  local paced = pace_of(api, system)
  local wait = paced - now - AHEAD * limit.window_ms
  if wait <= 0 or paced > now + limit.window_ms then return 0 end
  return math.max(wait, REST * limit.window_ms)
end

-- A job's slots are kept in its row as `stamped=12,13 ipaas=14`: their names by API.
local function slots_in(noted)
  local slots = {}
  for api, names in string.gmatch(noted or '', '(%a+)=([%d,]*)') do
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

-- Take slots of an API; answers their names. A slot has no end while its job is under way: its message may wait, and its calls
-- take, however long they like. The end of the job gives it back, or the sweep if a worker or a message was lost.
local function take_slots_of(api, system, limits, count, now)
  local last, names, entries = redis.call('HINCRBY', store_key('store', system), 'slot', count), {}, {}
  for index = 1, count do
    names[index] = last - count + index
    entries[2 * index - 1], entries[2 * index] = '+inf', names[index]
  end
  redis.call('ZADD', slots_key(api, system), unpack(entries))
  move_pace(api, system, limits.apis[api], count, now)
  return names
end
