-- What lets a store's next jobs run, as many as its throttle and its hold allow.
-- include: _message _request

-- How many jobs one script admits at most; the pump goes on at once.
local ADMITTED_AT_ONCE = 100

-- How long the pump waits before it pushes again what Redis did not take.
local REFUSED_MS = 1000

-- How many members without a row one script takes out of a queue at most.
local STRAYS_AT_ONCE = 100

-- The first job of a queue that is really there: { kind, member, place, needs, as its row has them noted }. A member whose row
-- is gone, or says another state, would be met first again and again, and no job behind it: it is taken out.
local function first_queued(kind, system)
  for _ = 1, STRAYS_AT_ONCE do
    local member, place = unpack(redis.call('ZRANGE', index_of('queued', kind, system), 0, 0, 'WITHSCORES'))
    if not member then return end
    local state, needs = fields(key_of(kind, member), 'state', 'needs')
    if state == 'queued' then return { kind = kind, member = member, place = tonumber(place), needs = needs } end
    take_out(kind, system, member, 'queued')
  end
end

-- The next job of a store: its first customer job and its first subscription job in turn, but one of the background
-- after one that is not. It keeps its turn until it has been let run, however many slots it needs.
local function next_job(system, now)
  local customer, subscription = first_queued('customer', system), first_queued('subscription', system)
  if not (customer and subscription) then return customer or subscription end
  local is_later, is_sooner = customer.place > now, subscription.place > now
  if is_later ~= is_sooner then return is_later and subscription or customer end
  return number(store_key('store', system), 'turn') % 2 == 0 and customer or subscription
end

-- The next job of a store, if it may run now, as `take` takes it; else nothing, and when to look again if it waits for time
-- alone, and not for jobs that are under way: the end of those admits.
local function next_ready(system, limits, now)
  local held = held_until(system)
  local places = free_places(system, limits, held)
  local job = places > 0 and next_job(system, now)
  if not job then return end
  job.is_probe, job.is_last, job.needs = held ~= nil, places == 1, needs_of(job.kind, job.needs, limits)
  local due = math.max(now + wait_for_slots(job.needs, system, limits, now), held or 0)
  if due <= now then return job end
  return nil, due < math.huge and due or nil
end

-- Let the pump look at a store again when its next job is due, if that waits for time alone. That of a store which is not known here
-- is the matter of the workers that know it.
local function note_due(system, limits, due)
  if limits.unknown then return end
  if due then look_again(system, math.ceil(due)) else redis.call('ZREM', prefix .. 'due', system) end
end

-- Admit as many jobs of a store as it may get now, each with its message, and note when the pump must look at the store again.
-- Answers why Redis takes no message, if it takes none: the jobs then stay in the store's queue, and only the pump says so. And
-- when to look again.
local function admit(system, limits)
  local now = now_ms()
  local job, due, refused
  for _ = 1, ADMITTED_AT_ONCE do
    job, due = next_ready(system, limits, now)
    if not job then break end
    -- The message first: nothing has been written if Redis takes none, and one for a job that still waits in its queue, should this
    -- stop behind it, is refused when it comes. Then the slots: a job that was sent without would make calls that nobody counts.
    refused = push_message(job.kind, job.member, system, now)
    if refused then break end
    take(job, system, limits, now)
    redis.call('HINCRBY', key_of(job.kind, job.member), 'messages', 1)
    move(job.kind, job.member, 'sent', now, { 'message_at', text(now) })
  end
  -- One that could be admitted is left if Redis takes no message, or if there are too many for one script.
  if job then due = now + (refused and REFUSED_MS or 0) end
  note_due(system, limits, due)
  return refused, due
end
