-- Mending what is not as it must be, whatever made it so: a key that Redis evicted or that somebody deleted, a script that ended
-- half-way, a clock that stepped back.
-- include: _slots _job

-- How far a time may lie ahead of Redis' clock before the clock has stepped back since it was noted.
local AHEAD_MS = 2000

-- How many members one command removes: Lua's `unpack` fails with some thousands.
local REMOVED_AT_ONCE = 1000

-- The fields of a row that hold a time which something waits for.
local TIMES = { 'due', 'lease_until', 'message_at', 'queued_at', 'claimed_at' }

-- The jobs that are admitted and have neither a message nor a worker, and the names of the slots that the others own; no names
-- if there are more jobs than it `looks` at, which are others each time: a slot may be owned by one of the rest.
local function admitted_strays(system, looks, now)
  local names, strays, owned = redis.call('SMEMBERS', store_key('admitted', system)), {}, {}
  for index = 1, math.min(#names, looks) do
    local name = names[(now + index) % #names + 1]
    local kind, member = string.match(name, '^(%a+):(.+)$')
    local key = kind and key_of(kind, member)
    local state = key and field(key, 'state')
    if state == 'sent' or state == 'running' then
      for _, names in pairs(slots_in(field(key, 'slots'))) do
        for _, slot in ipairs(names) do owned[slot] = true end
      end
    else
      strays[#strays + 1] = name
    end
  end
  return strays, #names <= looks and owned
end

-- The slots of an API that no job owns, as far as these are known, and those whose end lies further ahead than that of any call.
local function slot_strays(key, owned, latest, looks)
  local strays = {}
  for _, slot in ipairs(owned and redis.call('ZRANGEBYSCORE', key, '+inf', '+inf', 'LIMIT', 0, looks) or {}) do
    if not owned[slot] then strays[#strays + 1] = slot end
  end
  for _, slot in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. text(latest), '(+inf', 'LIMIT', 0, looks)) do
    strays[#strays + 1] = slot
  end
  return strays
end

-- Count the places and slots of a store that are nobody's and, if it `acts`, give them back: a slot counts for a window from now
-- on, as its call may have been made. It `looks` at no more than that number of each kind.
local function free_strays(system, limits, now, longest_call_ms, looks, acts)
  local strays, owned = admitted_strays(system, looks, now)
  for first = 1, acts and #strays or 0, REMOVED_AT_ONCE do
    local last = math.min(first + REMOVED_AT_ONCE - 1, #strays)
    redis.call('SREM', store_key('admitted', system), unpack(strays, first, last))
  end
  local count = #strays
  -- The window of a store that is not known here is not either: what seems too far ahead may be right.
  for api, limit in pairs((limits.unknown or limits.guessed) and {} or limits.apis) do
    local key = slots_key(api, system)
    local slots = slot_strays(key, owned, now + limit.window_ms + longest_call_ms, looks)
    for _, slot in ipairs(acts and slots or {}) do redis.call('ZADD', key, text(now + limit.window_ms), slot) end
    count = count + #slots
  end
  return count
end

-- Bring a job whose times were noted `ahead` of the clock back to now, with what it waits for as far away as it was meant to be.
local function bring_back(kind, system, member, ahead, now)
  local key = key_of(kind, member)
  local state = field(key, 'state')
  for _, name in ipairs(TIMES) do
    local at = number(key, name)
    if at > now then redis.call('HSET', key, name, text(at - ahead)) end
  end
  local place = tonumber(redis.call('ZSCORE', index_of(state, kind, system), member) or text(now))
  move(kind, member, state, place > now and place - ahead or place)
  -- It did not change now: an initialize must not take it for one that has run since it began.
  redis.call('HSET', key, 'brought_back_at', field(key, 'changed_at'))
end

-- After a step back of the clock jobs and messages would stand still until it has caught up: what changed in a time that has
-- not come yet is moved back, `limit` jobs at once. Answers how many there were.
local function follow_clock(kind, system, now, limit)
  local recent = index_of('recent', kind, system)
  local newest = redis.call('ZRANGE', recent, -1, -1, 'WITHSCORES')
  local ahead = (tonumber(newest[2] or '0') or 0) - now
  if ahead <= AHEAD_MS or limit <= 0 then return 0 end
  -- The pace of its calls was noted by that clock, too; without one, the throttle still holds.
  redis.call('HDEL', store_key('store', system), 'paced stamped', 'paced ipaas')
  local members = redis.call('ZRANGEBYSCORE', recent, '(' .. text(now + AHEAD_MS), '+inf', 'LIMIT', 0, limit)
  for _, member in ipairs(members) do
    if field(key_of(kind, member), 'state') then
      bring_back(kind, system, member, ahead, now)
    else
      redis.call('ZREM', recent, member)
    end
  end
  return #members
end

-- The same of a store's hold, which never lasts longer than it was meant to.
local function follow_clock_of_hold(system, now)
  local key = store_key('hold', system)
  local length = number(key, 'length')
  if length > 0 and number(key, 'until') > now + length + AHEAD_MS then
    redis.call('HSET', key, 'until', text(now + length), 'since', text(math.min(number(key, 'since'), now)))
    local limited_until = number(key, 'limited_until')
    if limited_until > now + length then redis.call('HSET', key, 'limited_until', text(now + length)) end
  end
end
