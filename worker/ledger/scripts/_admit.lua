-- What lets a store's next jobs run, as many as its throttle and its hold allow.
-- include: _message

-- How many jobs one script admits at most; the pump goes on at once.
local ADMITTED_AT_ONCE = 100

-- How many members without a row one script takes out of a queue at most.
local STRAYS_AT_ONCE = 100

-- The first job of a queue that is really there, and its place. A member whose row is gone, or says another state, would be
-- met first again and again, and no job behind it: it is taken out.
local function first_queued(kind, system)
  for _ = 1, STRAYS_AT_ONCE do
    local member, place = unpack(redis.call('ZRANGE', index_of('queued', kind, system), 0, 0, 'WITHSCORES'))
    if not member then return end
    if field(key_of(kind, member), 'state') == 'queued' then return member, tonumber(place) end
    take_out(kind, system, member, 'queued')
  end
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

-- The next job of a store, if it may run now.
local function next_ready(system, limits, now)
  if not has_room(system, limits, now) then return end
  local kind, member = next_job(system, now)
  if kind and has_slots(kind, member, system, limits, now) then return kind, member end
end

-- Admit as many jobs of a store as it may get now, each with its message. Answers why Redis takes no message, if it takes none:
-- the jobs then stay in the store's queue, and only the pump, which tries again, says so.
local function admit(system, limits)
  local now = now_ms()
  for _ = 1, ADMITTED_AT_ONCE do
    local kind, member = next_ready(system, limits, now)
    if not kind then return end
    -- The message first: nothing has been written if Redis takes none, and one for a job that still waits in its queue, should this
    -- stop behind it, is refused when it comes. Then the slots: a job that was sent without would make calls that nobody counts.
    local refused = push_message(kind, member, system, now)
    if refused then return refused end
    take(kind, member, system, limits)
    local key = key_of(kind, member)
    redis.call('HSET', key, 'message_at', text(now))
    redis.call('HINCRBY', key, 'messages', 1)
    move(kind, member, 'sent', now)
  end
end
