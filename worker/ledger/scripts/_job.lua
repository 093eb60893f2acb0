-- One job: a hash, and its place in the index of its state.
-- include: _clock _field
--   <prefix>job:<kind>:<member>    hash; member is <system_id>:<customer_id>
--   <prefix><state>:<kind>:<system_id>   sorted set of members, by the time that matters to the state:
--     queued   its place in the queue           sent     when its message was sent
--     running  when its lease runs out          waiting  when the sweeper must bring it back
--     done, failed  when it ended
--   <prefix>recent:<kind>:<system_id>    every member, by when it last changed
--   <prefix>code:<kind>:<system_id>:<code>   the failed members with that error, by when they failed
--   <prefix>codes:<kind>           set of <system_id>:<code>, whose sorted sets these are
--   <prefix>last_done:<kind>       hash, by system id, of when a job last ended well
--   <prefix>totals                 hash of counts that only grow, for the metrics: names and labels joined by |
--   <prefix>history:<kind>:<member>   list of the last attempts as JSON, the newest last; the first may be in the row instead:
--     see `note_attempt`
--   <prefix>newest:<kind>          when the newest message that has been started was sent
-- The hash counts in `messages` those of its messages that may still be on their way; without the field there is none.
--
-- None of these keys expires by itself: the sweep alone forgets, so that a row and its places go together.
-- Scripts get codes and numbers as arguments. What an API said is passed through as it came, and never decoded here: a text
-- from outside must not be able to stop a script between two of its writes.
local prefix = ARGV[1]

-- How much later than a trigger's the place of a background job is: no trigger waits behind it, and it waits behind
-- triggers no longer than that.
local BACKGROUND_MS = 24 * 60 * 60 * 1000

-- How much earlier that of a debug job is: it is below 0 for as long as a time in milliseconds has thirteen digits.
local FRONT_MS = 10 ^ 13

-- An attempt is counted under the first of these that it took no longer than.
local ATTEMPT_BOUNDS_MS = { 100, 250, 500, 1000, 2500, 5000, 10000, 30000 }

-- How many attempts of a job are remembered.
local ATTEMPTS_KEPT = 20

-- How long a value and how many calls may be for the first attempt to stay in the row. A longer value (Redis'
-- `hash-max-listpack-value`) would make each field of the row take several times its memory.
local SHORT, FEW_CALLS = 64, 5
local FIRST_ATTEMPT = { 'first', 'call1', 'call2', 'call3', 'call4', 'call5' }

-- What a row needs only while its job is under way.
local UNDER_WAY = { 'background', 'debug', 'triggered', 'queued_at', 'message_at', 'lease_until', 'claimed' }

-- What of a job's row belongs to the trouble that it has met, and is over with it; 'spared' is an earlier release's.
local TROUBLES = { 'attempt', 'losses', 'met', 'met_call', 'met_mark', 'was_held', 'spared' }

local function system_of(member) return string.match(member, '^(%d+):') end

local function key_of(kind, member) return prefix .. 'job:' .. kind .. ':' .. member end

local function history_of(kind, member) return prefix .. 'history:' .. kind .. ':' .. member end

local function index_of(state, kind, system) return prefix .. state .. ':' .. kind .. ':' .. system end

local function index_of_code(kind, system, code) return prefix .. 'code:' .. kind .. ':' .. system .. ':' .. code end

local function count_up(name, by) redis.call('HINCRBY', prefix .. 'totals', name, text(by)) end

-- Count a job whose row is made; one whose row was lost, and which is asked for again, is no other. A ledger of an earlier
-- release begins with those that are there.
local function count_born(kind, system)
  local name = 'born|' .. kind .. '|' .. system
  if redis.call('HEXISTS', prefix .. 'totals', name) == 0 then
    redis.call('HSET', prefix .. 'totals', name, redis.call('ZCARD', index_of('recent', kind, system)))
  end
  count_up(name, 1)
end

-- The code of a job's last error; rows of an earlier release have it in the error alone.
local function code_of(key)
  return field(key, 'code') or string.match(field(key, 'error') or '', '"code": ?"([%a-]+)"') or 'internal-error'
end

-- By the code that it was listed under, which the last error may have replaced: else its place would stay in the old list.
local function unlist_code(kind, system, member)
  local key = key_of(kind, member)
  redis.call('ZREM', index_of_code(kind, system, field(key, 'listed') or code_of(key)), member)
  redis.call('HDEL', key, 'listed')
end

local function list_code(kind, system, member, now)
  local key = key_of(kind, member)
  local code = code_of(key)
  redis.call('HSET', key, 'listed', code)
  redis.call('SADD', prefix .. 'codes:' .. kind, system .. ':' .. code)
  redis.call('ZADD', index_of_code(kind, system, code), now, member)
end

-- Put a job into a state. Its new place comes before its old one goes: if this stops half-way, the job is still found in one of
-- the two, and whoever finds it in a list that its row does not name takes it out there. In the other order it would be in no
-- list, and nobody would run it. Nobody looks for work in `done` and `failed`, so what an earlier move left there goes now.
local function move(kind, member, state, score)
  local key, system, now = key_of(kind, member), system_of(member), text(now_ms())
  local old = field(key, 'state')
  if not old and not redis.call('ZSCORE', index_of('recent', kind, system), member) then count_born(kind, system) end
  redis.call('ZADD', index_of(state, kind, system), text(score), member)
  redis.call('ZADD', index_of('recent', kind, system), now, member)
  local is_listed = old == 'failed' or field(key, 'listed')
  if is_listed and state == 'failed' then unlist_code(kind, system, member) end
  if state == 'failed' then list_code(kind, system, member, now) end
  -- The row changes between the two places: from here on the new one counts, and until here the old one.
  redis.call('HSET', key, 'state', state, 'changed_at', now)
  if is_listed and state ~= 'failed' then unlist_code(kind, system, member) end
  for _, other in ipairs({ 'done', 'failed', old }) do
    if other ~= state then redis.call('ZREM', index_of(other, kind, system), member) end
  end
end

-- Take a member out of an index in which it has no place: its row is gone, or says another state. A job that had not ended
-- and whose row is gone was lost by Redis, not by us: that is counted, so that somebody sees it.
local function take_out(kind, system, member, state)
  redis.call('ZREM', index_of(state, kind, system), member)
  local key = key_of(kind, member)
  if field(key, 'state') then return end
  redis.call('ZREM', index_of('recent', kind, system), member)
  if redis.call('EXISTS', key) == 1 then return end
  count_up('gone|' .. kind .. '|' .. system, 1)
  if state ~= 'done' and state ~= 'failed' then count_up('vanished|' .. kind, 1) end
end

-- Forget a job that has ended, row, history and places together. The place by which the sweep finds it goes last: if this stops
-- half-way, the sweep meets it there, without its row, and takes it out. A row whose places went first would stay for ever.
local function forget(kind, system, member)
  unlist_code(kind, system, member)
  redis.call('DEL', key_of(kind, member), history_of(kind, member))
  for _, state in ipairs({ 'recent', 'done', 'failed' }) do redis.call('ZREM', index_of(state, kind, system), member) end
  count_up('gone|' .. kind .. '|' .. system, 1)
end

-- Count an attempt that has ended, and its calls, for whoever reads the metrics.
local function count_attempt(kind, outcome, code, calls, ms)
  count_up('attempts|' .. kind .. '|' .. outcome .. '|' .. code, 1)
  count_up('attempt_ms|' .. kind, ms)
  for _, bound in ipairs(ATTEMPT_BOUNDS_MS) do
    if ms <= bound then
      count_up('attempts_within|' .. kind .. '|' .. bound, 1)
      break
    end
  end
  for _, call in ipairs(calls) do
    local status = type(call[4]) == 'number' and math.floor(call[4] / 100) .. 'xx' or 'none'
    count_up('calls|' .. call[1] .. '|' .. call[2] .. '|' .. status, 1)
    count_up('call_ms|' .. call[1], call[5])
  end
end

-- Keep a job's first attempt in its row: `first` is when it began, its ms, its outcome and the worker's name as JSON; `call1` and
-- on are its calls: API, method, route, status or `-`, ms. Most jobs have no other, and a list takes as much memory as the row.
-- Answers whether it is short enough.
local function keep_first(key, began, ms, outcome, worker, calls)
  local fields = { 'first', string.format('%.0f %.0f %s %s', began, ms, outcome, worker) }
  for place, call in ipairs(calls) do
    local status = type(call[4]) == 'number' and text(call[4]) or '-'
    fields[#fields + 1] = 'call' .. place
    fields[#fields + 1] = table.concat({ call[1], call[2], call[3], status, text(call[5]) }, ' ')
  end
  for place = 2, #fields, 2 do
    if #fields[place] > SHORT then return false end
  end
  redis.call('HSET', key, unpack(fields))
  return true
end

-- Remember an attempt that has ended. `failure` is { error, code }, the error as JSON that is passed through, or nil for none;
-- `calls` those of the attempt: see `calls_of` in _throttle.lua.
local function note_attempt(kind, member, outcome, failure, calls)
  local key, history, now = key_of(kind, member), history_of(kind, member), now_ms()
  local began, worker = number(key, 'claimed_at'), field(key, 'worker') or '""'
  local ms = began > 0 and math.max(now - began, 0) or 0
  count_attempt(kind, outcome, failure and failure[2] or '', calls.all, ms)
  -- Or the next attempt, should its worker be lost before it began, would seem to have begun with this one.
  redis.call('HDEL', key, 'claimed_at', 'worker')
  local is_first = not field(key, 'first') and redis.call('EXISTS', history) == 0
  local can_be_kept = is_first and not failure and #calls.all <= FEW_CALLS
  if can_be_kept and keep_first(key, began, ms, outcome, worker, calls.all) then return end
  local listed = redis.call('RPUSH', history, string.format(
    '{"at":%.0f,"ms":%.0f,"worker":%s,"outcome":"%s","error":%s,"calls":%s}',
    began, ms, worker, outcome, failure and failure[1] or 'null', calls.json
  ))
  if listed >= ATTEMPTS_KEPT then
    redis.call('LTRIM', history, -ATTEMPTS_KEPT, -1)
    redis.call('HDEL', key, unpack(FIRST_ATTEMPT))
  end
end

-- A debug job goes first, the oldest of them before the others, but not again once its store was held for it: others may get
-- through if it does not.
local function place_of(key)
  if field(key, 'debug') and not field(key, 'was_held') then return number(key, 'queued_at') - FRONT_MS end
  return number(key, 'queued_at') + (field(key, 'background') and BACKGROUND_MS or 0)
end

-- Put a job into its store's queue, at the place of its `queued_at`; a debug job at the front, a background job behind what
-- triggers ask for.
local function enqueue(kind, member)
  local key = key_of(kind, member)
  -- The token goes first: whoever still holds the job finds that its claim is lost before another can be granted it.
  redis.call('HDEL', key, 'token', 'due', 'urgent')
  redis.call('SADD', prefix .. 'systems', system_of(member))
  move(kind, member, 'queued', place_of(key))
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

local function forget_new(key, version)
  if number(key, 'is_new') <= tonumber(version) then redis.call('HDEL', key, 'is_new') end
end

-- Whether `token` still holds the job.
local function owns(key, token)
  return field(key, 'state') == 'running' and field(key, 'token') == token
end

-- Ask for one more run. `by`: 'trigger', 'person' (it does not wait for the due time of a retry, nor of one that the present
-- run comes to), 'background' (behind what triggers ask for; a trigger for such a job brings it forward) or 'job' (another
-- job's hand-over). Answers the wanted version.
local function request(kind, member, tracking_guid, by, debug)
  local key = key_of(kind, member)
  -- First of all: if this stops behind it, a run that is under way still sees at its end that more is wanted.
  local version = redis.call('HINCRBY', key, 'wanted', 1)
  redis.call('HSETNX', key, 'requested_at', text(now_ms()))
  redis.call('HSET', key, 'tracking_guid', tracking_guid)
  if by == 'trigger' then redis.call('HSET', key, 'triggered', '1') end
  if by == 'person' then redis.call('HDEL', key, 'triggered') end
  local state = field(key, 'state')
  if debug then redis.call('HSET', key, 'debug', state == 'running' and 'next' or '1') end
  if state == 'running' and by == 'person' then redis.call('HSET', key, 'urgent', '1') end
  local is_brought_forward = by ~= 'background' and redis.call('HDEL', key, 'background') == 1
  if state == 'queued' and (debug or is_brought_forward) then enqueue(kind, member) end
  local is_under_way = state == 'running' or state == 'sent' or state == 'queued'
  if not is_under_way and (state ~= 'waiting' or by == 'person') then
    if by == 'background' then redis.call('HSET', key, 'background', '1') end
    start_over(kind, member)
  end
  return version
end

-- End a run: note what the version came to, then rest in `state` or, if more was asked for meanwhile, run again. Answers
-- whether it runs again.
local function settle(kind, member, version, state)
  local key = key_of(kind, member)
  redis.call('HSET', key, 'settled', version)
  redis.call('HDEL', key, 'token', 'losses', 'due', 'needs', 'urgent', 'created')
  forget_new(key, version)
  if field(key, 'debug') == 'next' then redis.call('HSET', key, 'debug', '1') else redis.call('HDEL', key, 'debug') end
  if number(key, 'wanted') > tonumber(version) then
    start_over(kind, member)
    return true
  end
  if state == 'done' then
    redis.call('HSET', prefix .. 'last_done:' .. kind, system_of(member), text(now_ms()))
    redis.call('HDEL', key, 'error', 'code', 'first_failed_at', 'reported', unpack(TROUBLES))
  end
  move(kind, member, state, now_ms())
  -- Behind the move: if this stops before it, the sweep still finds the run's end as it is.
  redis.call('HDEL', key, unpack(UNDER_WAY))
  return false
end
