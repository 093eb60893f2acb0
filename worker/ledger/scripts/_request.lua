-- Asks for a run of a job, and ends one.
-- include: _job

-- How much later than a trigger's the place of a background job is: no trigger waits behind it, and it waits behind
-- triggers no longer than that.
local BACKGROUND_MS = 24 * 60 * 60 * 1000

-- How much earlier that of a debug job is: it is below 0 for as long as a time in milliseconds has thirteen digits.
local FRONT_MS = 10 ^ 13

-- What of a job's row belongs to the trouble that it has met, and is over with it; 'spared' is an earlier release's.
local TROUBLES = { 'attempt', 'losses', 'met', 'met_call', 'met_mark', 'was_held', 'spared' }

-- What of it is over with a run; what once nobody asks for more; and what once it has ended well.
local OF_A_RUN = { 'token', 'losses', 'due', 'needs', 'urgent', 'created', 'left' }
local OF_A_REQUEST = { 'background', 'debug', 'triggered', 'queued_at', 'message_at', 'lease_until', 'claimed', 'asker' }
local OF_A_FAILURE = { 'error', 'code', 'first_failed_at', 'reported', unpack(TROUBLES) }

-- Take lists of fields out of a row.
local function drop(key, ...)
  local names = {}
  for _, list in ipairs({ ... }) do
    for _, name in ipairs(list) do names[#names + 1] = name end
  end
  redis.call('HDEL', key, unpack(names))
end

-- A debug job goes first, the oldest of them before the others, but not again once its store was held for it: others may get
-- through if it does not.
local function place_of(key)
  local queued_at, debug, was_held, background = fields(key, 'queued_at', 'debug', 'was_held', 'background')
  local place = tonumber(queued_at or '0') or 0
  if debug and not was_held then return place - FRONT_MS end
  return place + (background and BACKGROUND_MS or 0)
end

-- Put a job into its store's queue, at the place of its `queued_at`; a debug job at the front, a background job behind what
-- triggers ask for.
local function enqueue(kind, member)
  local key = key_of(kind, member)
  -- The token goes first: whoever still holds the job finds that its claim is lost before another can be granted it.
  redis.call('HDEL', key, 'token', 'due', 'urgent')
  redis.call('SADD', prefix .. 'systems', system_of(member))
  move(kind, member, 'queued', place_of(key))
  -- Whoever does not admit the job in the same step leaves it to the pump.
  look_again(system_of(member), now_ms())
end

-- Put a job back that this process leaves to one that knows its store. Nothing was attempted.
local function leave(kind, member, system, now)
  local key, due = key_of(kind, member), prefix .. 'due'
  local left = redis.call('HINCRBY', key, 'left', 1)
  local before = tonumber(redis.call('ZSCORE', due, system) or '')
  enqueue(kind, member)
  local again = now + math.min(LEFT_MS * 2 ^ math.min(left - 1, 10), LONGEST_LEFT_MS)
  -- Whatever else the store waits for may be due before.
  look_again(system, before and math.min(before, again) or again)
end

local function start_over(kind, member)
  local key = key_of(kind, member)
  redis.call('HDEL', key, 'first_failed_at', 'reported', 'needs', unpack(TROUBLES))
  redis.call('HSET', key, 'queued_at', text(now_ms()))
  enqueue(kind, member)
end

-- Note for the next run that the customer is new in Stamped.io, so that it can't have unsubscribed. Of a customer job: this job
-- has created it. Of a subscription job: the customer job has, and nothing was written since. It is kept as the version that
-- it is for: whatever ends that version ends it, but not the end of a run that began before.
local function note_new(key, is_new, version)
  if is_new == '1' then redis.call('HSET', key, 'is_new', text(version)) end
end

-- Note it for the next run of the same job, and the id of the Stamped.io customer whom this one has created, if it has.
local function note_consent(key, is_new, created)
  note_new(key, is_new, number(key, 'claimed'))
  if created ~= '' then redis.call('HSET', key, 'created', created) end
end

-- Ask for one more run. `by`: 'trigger', 'person' (it does not wait for the due time of a retry, nor of one that the present
-- run comes to), 'background' (behind what triggers ask for; a trigger for such a job brings it forward) or 'job' (another
-- job's hand-over); `asker`: see `note_event` in _events.lua. Answers the wanted version, and whether a run that is to begin anyway
-- does for this one as well.
local function request(kind, member, tracking_guid, by, debug, asker)
  local key = key_of(kind, member)
  -- First of all: if this stops behind it, a run that is under way still sees at its end that more is wanted.
  local version = redis.call('HINCRBY', key, 'wanted', 1)
  redis.call('HSETNX', key, 'requested_at', text(now_ms()))
  redis.call('HSET', key, 'tracking_guid', tracking_guid)
  if by == 'trigger' then redis.call('HSET', key, 'triggered', '1') end
  if by == 'person' then redis.call('HDEL', key, 'triggered') end
  local state, claimed = fields(key, 'state', 'claimed')
  -- What waits for somebody else is not the background's by its asking for it, too; but the run that is to follow the present one is.
  local is_first = state == 'running' and version - 1 <= (tonumber(claimed or '0') or 0)
  if by ~= 'background' or is_first then redis.call('HSET', key, 'asker', asker) end
  if debug then redis.call('HSET', key, 'debug', state == 'running' and 'next' or '1') end
  if state == 'running' and by == 'person' then redis.call('HSET', key, 'urgent', '1') end
  local is_brought_forward = by ~= 'background' and redis.call('HDEL', key, 'background') == 1
  if state == 'queued' and (debug or is_brought_forward) then enqueue(kind, member) end
  local is_under_way = state == 'running' or state == 'sent' or state == 'queued'
  if not is_under_way and (state ~= 'waiting' or by == 'person') then
    if by == 'background' then redis.call('HSET', key, 'background', '1', 'asker', asker) end
    start_over(kind, member)
  end
  return version, (state == 'running' and not is_first) or state == 'sent' or state == 'queued' or state == 'waiting'
end

-- End a run: note what the version came to, and { name, value, ... }, drop the fields of `over`, if given, then rest in `state` or,
-- if more was asked for meanwhile, run again. Answers whether it runs again.
local function settle(kind, member, version, state, noted, over)
  local key = key_of(kind, member)
  local is_new, debug, wanted, old, listed = fields(key, 'is_new', 'debug', 'wanted', 'state', 'listed')
  local is_over = (tonumber(is_new or '0') or 0) <= tonumber(version)
  noted = { 'settled', version, unpack(noted or {}) }
  if (tonumber(wanted or '0') or 0) > tonumber(version) then
    redis.call('HSET', key, unpack(noted))
    drop(key, OF_A_RUN, over or {}, is_over and { 'is_new' } or {}, debug ~= 'next' and { 'debug' } or {})
    if debug == 'next' then redis.call('HSET', key, 'debug', '1') end
    start_over(kind, member)
    return true
  end
  drop(key, OF_A_RUN, over or {}, is_over and { 'is_new' } or {}, state == 'done' and OF_A_FAILURE or {})
  if state == 'done' then redis.call('HSET', prefix .. 'last_done:' .. kind, system_of(member), text(now_ms())) end
  move(kind, member, state, now_ms(), noted, { old, listed })
  -- Behind the move: if this stops before it, the sweep still finds the run's end as it is.
  drop(key, OF_A_REQUEST)
  return false
end
