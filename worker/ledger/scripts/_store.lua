-- One store: how many of its jobs may be under way, and how many calls it may still get.
--   <prefix>admitted:<system_id>           set of <kind>:<member> that have a message or run: at most `concurrent`
--   <prefix>slots:<api>:<system_id>        sorted set with an entry for each call that counts against the API's limit,
--                                          by when it no longer does; never, while its job is under way
--   <prefix>hold:<system_id>               hash of a store that is held, or was and has not proved itself since:
--                                          until, error, since, level, the api that answered so, and once its time is
--                                          over the probe: the one job that may run
--   <prefix>strikes:<api>:<system_id>      set of the jobs that met an outage of the API since it last answered well
--   <prefix>store:<system_id>              hash of counters: slot (the last entry's name), turn
-- A job gets the slots that it usually needs when it is admitted, so its calls cost no round trip of their own. A slot
-- is given back a window after the call has ended: whenever the store got the call, its own windows hold no more.
local USUAL = { customer = { stamped = 1, ipaas = 3 }, subscription = { stamped = 2, ipaas = 1 } }

local function store_key(name, system) return prefix .. name .. ':' .. system end

local function slots_key(api, system) return store_key('slots:' .. api, system) end

-- Terms of a store: JSON { concurrent, apis = { stamped = { limit, window_ms }, ipaas = ... } }; an API that is not in it has
-- no limit.
local function terms_of(json) return cjson.decode(json) end

local function free_slots(api, system, terms, now)
  local key = slots_key(api, system)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
  return terms.apis[api].limit - redis.call('ZCARD', key)
end

-- How many calls to an API a job needs: what is usual for its kind, or more where an earlier run came to need it; never more
-- than the limit, or the job could never run.
local function needs_of(kind, member, api, terms)
  local noted = field(key_of(kind, member), 'needs')
  local needs = noted and cjson.decode(noted)[api] or 0
  return math.min(math.max(needs, USUAL[kind][api]), terms.apis[api].limit)
end

-- A slot has no end while its job is under way: its message may wait, and its calls take, however long they like. The end
-- of the job gives it back, or the sweep where a worker or a message was lost.
local function take_slot(api, system)
  local name = redis.call('HINCRBY', store_key('store', system), 'slot', 1)
  redis.call('ZADD', slots_key(api, system), '+inf', name)
  return name
end

local function take_slots(kind, member, system, terms)
  local taken = {}
  for api in pairs(terms.apis) do
    taken[api] = {}
    for index = 1, needs_of(kind, member, api, terms) do taken[api][index] = take_slot(api, system) end
  end
  redis.call('HSET', key_of(kind, member), 'slots', cjson.encode(taken))
end

-- Give back the slots of a job: those used count for a window from now on, the others no longer. `used` nil: all used.
local function return_slots(kind, member, terms, used)
  local key, system, now = key_of(kind, member), system_of(member), now_ms()
  local noted = field(key, 'slots')
  redis.call('SREM', store_key('admitted', system), kind .. ':' .. member)
  if not noted then return end
  redis.call('HDEL', key, 'slots')
  for api, names in pairs(cjson.decode(noted)) do
    for index, name in ipairs(names) do
      if used and index > used[api] then
        redis.call('ZREM', slots_key(api, system), name)
      elseif terms.apis[api] then
        redis.call('ZADD', slots_key(api, system), text(now + terms.apis[api].window_ms), name)
      else
        redis.call('ZREM', slots_key(api, system), name)
      end
    end
  end
end

local function has_slots(kind, member, system, terms, now)
  for api in pairs(terms.apis) do
    if free_slots(api, system, terms, now) < needs_of(kind, member, api, terms) then return false end
  end
  return true
end

-- Whether the store has a place for one more job. One that was held proves itself with one job at a time.
local function has_place(system, terms)
  local was_held = redis.call('EXISTS', store_key('hold', system)) == 1
  return redis.call('SCARD', store_key('admitted', system)) < (was_held and 1 or terms.concurrent)
end

-- Whether the store may get one more job now.
local function has_room(system, terms, now)
  return number(store_key('hold', system), 'until') <= now and has_place(system, terms)
end

local function take(kind, member, system, terms)
  local name, hold = kind .. ':' .. member, store_key('hold', system)
  take_slots(kind, member, system, terms)
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

local function first_queued(kind, system)
  local first = redis.call('ZRANGE', prefix .. 'queued:' .. kind .. ':' .. system, 0, 0, 'WITHSCORES')
  return first[1], tonumber(first[2])
end

-- The next job of a store: its first customer job and its first subscription job in turn, but one of the background
-- after one that is not. It keeps its turn until it has been let run, however many slots it needs.
local function next_job(system, now)
  local customer, customer_place = first_queued('customer', system)
  local subscription, subscription_place = first_queued('subscription', system)
  if customer and subscription then
    local is_later, is_sooner = customer_place > now, subscription_place > now
    if is_later ~= is_sooner then
      if is_later then customer = nil else subscription = nil end
    elseif number(store_key('store', system), 'turn') % 2 == 0 then
      subscription = nil
    else
      customer = nil
    end
  end
  if customer then return 'customer', customer end
  if subscription then return 'subscription', subscription end
end

-- How long until a job can get all the slots that it needs: ms, or math.huge where other jobs must end first.
local function wait_for_slots(kind, member, system, terms, now)
  local wait = 0
  for api in pairs(terms.apis) do
    local lacking = needs_of(kind, member, api, terms) - free_slots(api, system, terms, now)
    if lacking > 0 then
      local last = redis.call('ZRANGE', slots_key(api, system), lacking - 1, lacking - 1, 'WITHSCORES')
      wait = math.max(wait, (tonumber(last[2]) or math.huge) - now)
    end
  end
  return wait
end

-- How long until the store may get another job: ms, or -1 where time alone lets none run: no job waits for its turn, or one
-- that is under way must end first, which admits.
local function wait_ms(system, terms)
  local now = now_ms()
  local kind, member = next_job(system, now)
  if not kind or not has_place(system, terms) then return -1 end
  local wait = wait_for_slots(kind, member, system, terms, now)
  if wait == math.huge then return -1 end
  return math.max(wait, number(store_key('hold', system), 'until') - now)
end

-- Admit as many jobs of a store as it may get now. Answers { '<kind>:<member>' or '<kind>:<member>:front', ... }, whose
-- messages the caller must send; where it does not, the sweeper will.
local function admit(system, terms)
  local now, sent = now_ms(), {}
  while has_room(system, terms, now) do
    local kind, member = next_job(system, now)
    if not kind or not has_slots(kind, member, system, terms, now) then break end
    take(kind, member, system, terms)
    local key = key_of(kind, member)
    redis.call('HSET', key, 'message_at', text(now))
    redis.call('HINCRBY', key, 'messages', 1)
    move(kind, member, 'sent', now)
    sent[#sent + 1] = kind .. ':' .. member .. (field(key, 'debug') and ':front' or '')
  end
  return sent
end

-- Hold a store for an error of one of its APIs until `ms` from now. A hold that follows another without a success between is twice as long, up to
-- `longest_ms`; one that is asked for while the store is held only makes it longer. Answers 1 where a hold begins.
local function hold(system, api, error, ms, longest_ms)
  local key, now = store_key('hold', system), now_ms()
  redis.call('HDEL', key, 'probe')
  local held_until = number(key, 'until')
  if held_until > now then
    if now + ms > held_until then redis.call('HSET', key, 'until', text(now + ms)) end
    return 0
  end
  local level = number(key, 'level')
  local length = math.max(ms, math.min(ms * 2 ^ level, longest_ms))
  redis.call('HSET', key, 'until', text(now + length), 'error', error, 'level', level + 1, 'api', api)
  local begins = redis.call('HSETNX', key, 'since', text(now))
  if begins == 1 then count_up('holds|' .. system .. '|' .. cjson.decode(error).code, 1) end
  return begins
end

-- A job ended whose calls (how many, by API) were answered as they should be: that ends the hold of such an API, unless its
-- time is still running, which the job had begun before. Answers 1 where a hold ends.
local function prove(system, calls)
  for api, count in pairs(calls) do
    if count > 0 then redis.call('DEL', store_key('strikes:' .. api, system)) end
  end
  local key = store_key('hold', system)
  if (calls[field(key, 'api') or ''] or 0) == 0 or number(key, 'until') > now_ms() then return 0 end
  return redis.call('DEL', key)
end
