-- The slots that jobs need, take and give back.
-- include: _throttle

-- A job gets the slots that it usually needs when it is admitted, so its calls cost no round trip of their own. A slot
-- is given back a window after the call has ended: whenever the store got the call, its own windows hold no more.
-- A backlog's calls are spread over the window: see `wait_for_pace`.
local USUAL = { customer = { stamped = 1, ipaas = 3 }, subscription = { stamped = 2, ipaas = 1 } }

-- The longest window that the connections file allows.
local LONGEST_WINDOW_MS = 24 * 60 * 60 * 1000

-- An API's name in the keys, from the one that calls are noted under: 'stamped' of Stamped.io.
local function api_of(call) return string.lower(string.match(call[1], '^%a+')) end

-- The calls that an attempt made, from JSON [[api, method, route, status or null, ms, 1 if it was answered well], ...]: how many
-- of each API, and the names and APIs of those that were answered well at last: what met trouble after it was answered well
-- proves nothing. All of it is ours: nothing of it came from outside.
local function calls_of(json)
  local calls = { all = cjson.decode(json), stamped = 0, ipaas = 0, well = {}, well_apis = {} }
  for _, call in ipairs(calls.all) do
    local api = api_of(call)
    calls[api] = calls[api] + 1
    calls.well[api .. ' ' .. call[2] .. ' ' .. call[3]] = call[6] == 1 or nil
    calls.well_apis[api] = call[6] == 1 or nil
  end
  return calls
end

local NO_CALLS = { all = {}, stamped = 0, ipaas = 0, well = {}, well_apis = {} }

-- How many calls to each limited API a job needs: what is usual for its kind, or more if an earlier run came to need it, which
-- its row has `noted`; never more than the limit, or the job could never run.
local function needs_of(kind, noted, limits)
  local needs = {}
  for api, limit in pairs(limits.apis) do
    local usual = USUAL[kind][api] + (kind == 'customer' and api == 'ipaas' and limits.looks or 0)
    needs[api] = math.min(math.max(tonumber(string.match(noted or '', api .. '=(%d+)') or '0'), usual), limit.limit)
  end
  return needs
end

-- All at once: two jobs that each held a part of what they need would wait for each other.
local function take_slots(job, system, limits, now)
  local taken = {}
  for api, count in pairs(job.needs) do taken[api] = take_slots_of(api, system, limits, count, now) end
  note_slots(key_of(job.kind, job.member), taken)
end

-- Give back the slots of a job, as its row has them noted: those used count for a window from now on, the others no longer. `used`
-- nil: all used.
local function return_slots(kind, member, limits, noted, used)
  local key, system, now = key_of(kind, member), system_of(member), now_ms()
  redis.call('SREM', store_key('admitted', system), kind .. ':' .. member)
  -- The names go from the row before the slots are freed: one that is left over if this stops half-way is nobody's, and the sweep
  -- frees it. In the other order the row would still cover calls with slots that are free again.
  redis.call('HDEL', key, 'slots')
  for api, names in pairs(slots_in(noted)) do
    local limit, unused = limits.apis[api], 0
    for index, name in ipairs(names) do
      local is_used = not used or index <= used[api]
      -- The window of a store that is not known here is not either: the sweep of a worker that knows it shortens this one.
      local window_ms = (limits.unknown or limits.guessed) and LONGEST_WINDOW_MS or limit and limit.window_ms
      if is_used and window_ms then
        redis.call('ZADD', slots_key(api, system), text(now + window_ms), name)
      else
        redis.call('ZREM', slots_key(api, system), name)
        unused = unused + 1
      end
    end
    if limit and unused > 0 then move_pace(api, system, limit, -unused, now) end
  end
end

-- How long until a job can get all the slots that it needs, within its store's pace: ms, or math.huge if other jobs must end first.
local function wait_for_slots(needed, system, limits, now)
  local wait = 0
  for api, needs in pairs(needed) do
    local limit, used = limits.apis[api], used_slots(api, system, now)
    local lacking = used + needs - limit.limit
    if lacking > 0 then
      local last = redis.call('ZRANGE', slots_key(api, system), lacking - 1, lacking - 1, 'WITHSCORES')
      wait = math.max(wait, (tonumber(last[2]) or math.huge) - now)
    end
    wait = math.max(wait, wait_for_pace(api, system, limit, used + needs, now))
  end
  return wait
end
