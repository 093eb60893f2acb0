-- One store: how many of its jobs may be under way, and whether it is held.
-- include: _slots
--   <prefix>admitted:<system_id>           set of <kind>:<member> that have a message or run: at most `concurrent`
--   <prefix>hold:<system_id>               hash of a store that is held, or was and has not proved itself since:
--                                          until, length, error, code, since, level, the api that answered so, by whose
--                                          job (a worker's name as JSON), limited_until if an API asked for a pause,
--                                          `told <code>` for each trouble that was told, reading if no job met the trouble
--                                          but who read the store's subscription, and once its time is over the
--                                          probe: the one job that may run
--   <prefix>paused                         hash, by system id, of the stores that a person has paused: since when in ms, and JSON
--                                          { user, reason }
--   <prefix>strikes:<api>:<system_id>      set of the jobs that met trouble of the API since it last answered well
--   <prefix>store:<system_id>              hash of counters: slot (the last entry's name), turn, and `well <call>`: how often
--                                          a call was answered as it should be

-- A job that a process leaves because it does not know the store is sent again a moment later, as the same one might get it again; and
-- ever later, up to a minute.
local LEFT_MS, LONGEST_LEFT_MS = 1000, 60 * 1000

-- Until when the store is held; nil if it is not and has proved itself since.
local function held_until(system) return tonumber(field(store_key('hold', system), 'until') or '') end

local function is_paused(system) return redis.call('HEXISTS', prefix .. 'paused', system) == 1 end

-- How many more jobs of the store may be under way. One that was held proves itself with one job at a time.
local function free_places(system, limits, held)
  if limits.unknown or is_paused(system) then return 0 end
  return (held and 1 or limits.concurrent) - redis.call('SCARD', store_key('admitted', system))
end

-- Let a job be under way: { kind, member, needs: see `needs_of`, is_probe: whether it proves its store }.
local function take(job, system, limits, now)
  local name = job.kind .. ':' .. job.member
  take_slots(job, system, limits, now)
  redis.call('SADD', store_key('admitted', system), name)
  redis.call('HINCRBY', store_key('store', system), 'turn', 1)
  if job.is_probe then redis.call('HSET', store_key('hold', system), 'probe', name) end
end

-- Whether a job that is admitted may run: not while its store is paused or held, and then as its probe alone.
local function may_run(kind, member, system, now)
  if is_paused(system) then return false end
  local hold = store_key('hold', system)
  if redis.call('EXISTS', hold) == 0 then return true end
  return number(hold, 'until') <= now and field(hold, 'probe') == kind .. ':' .. member
end

-- How a store is held, from JSON { ms, longest_ms, strikes: how many jobs must have met the trouble since the API last answered
-- well, limit 0|1: the API asked for it, which is never the job's own, and only time ends it }.
local function pause_of(json) return cjson.decode(json) end

-- Hold a store for trouble of one of its APIs until `ms` from now. A hold that follows another without a success between is
-- twice as long, up to the longest; one that is asked for while the store is held only makes it longer. `failure` is { error,
-- code }, `by` the worker's name as JSON; for `pause` see `pause_of`. Answers 1 if it is news: a hold begins, or its time was over
-- and it goes on for trouble that it was not for before.
local function hold(system, api, failure, pause, by)
  local key, now, ms = store_key('hold', system), now_ms(), pause.ms
  -- Whoever was to prove the store has met trouble, too: the next job is another probe.
  redis.call('HDEL', key, 'probe')
  if pause.limit == 1 then
    redis.call('HSET', key, 'limited_until', text(math.max(now + ms, number(key, 'limited_until'))))
  end
  local held_until, held_api, code = tonumber(field(key, 'until') or '0'), field(key, 'api'), field(key, 'code')
  if held_until > now then
    if now + ms > held_until then redis.call('HSET', key, 'until', text(now + ms), 'length', text(ms)) end
    if api == held_api and failure[2] == code then redis.call('HSET', key, 'by', by) end
    return 0
  end
  -- The level stays until a call is answered well, so that a store which is down for hours is asked ever less often.
  local level = number(key, 'level')
  local length = math.max(ms, math.min(ms * 2 ^ level, pause.longest_ms))
  redis.call(
    'HSET', key, 'until', text(now + length), 'length', text(length), 'error', failure[1], 'code', failure[2],
    'level', level + 1, 'api', api, 'by', by
  )
  -- A job that meets the same as who read the subscription: whoever can read it proves that it is over.
  if api ~= held_api or failure[2] ~= code then redis.call('HDEL', key, 'reading') end
  redis.call('HSETNX', key, 'since', text(now))
  local is_news = redis.call('HSETNX', key, 'told ' .. failure[2], '1')
  if is_news == 1 then count_up('holds|' .. system .. '|' .. failure[2], 1) end
  return is_news
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
  local strikes = {}
  for api in pairs(calls.well_apis) do strikes[#strikes + 1] = store_key('strikes:' .. api, system) end
  if #strikes > 0 then redis.call('DEL', unpack(strikes)) end
  return ends_hold(system, calls) and redis.call('DEL', store_key('hold', system)) or 0
end
