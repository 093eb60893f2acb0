-- An attempt that has ended: counted, and remembered.
-- include: _events

-- An attempt is counted under the first of these that it took no longer than.
local ATTEMPT_BOUNDS_MS = { 100, 250, 500, 1000, 2500, 5000, 10000, 30000 }

local NO_SHAPE = { '', '' }

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

-- The attempt that a job's row tells of, in one read: whose it is, since when, and which slots it has.
local function attempt_of(key)
  local state, token, slots, claimed_at, worker, asker, tracking, stamped = fields(
    key, 'state', 'token', 'slots', 'claimed_at', 'worker', 'run_for', 'tracking_guid', 'stamped_id'
  )
  return {
    state = state, token = token, slots = slots, claimed_at = claimed_at, by = worker, asker = asker, tracking = tracking,
    stamped = stamped,
  }
end

-- Remember an attempt that has ended. `failure` is { error, code }, the error as JSON that is passed through, or nil for none;
-- `calls` those of the attempt: see `calls_of` in _slots.lua; `attempt` that of `attempt_of`, with its shape if the worker has
-- told it: see `short_of`.
local function note_attempt(kind, member, outcome, failure, calls, attempt)
  local key, now, system = key_of(kind, member), now_ms(), system_of(member)
  local began, code = tonumber(attempt.claimed_at or '0') or 0, failure and failure[2] or ''
  local ms = began > 0 and math.max(now - began, 0) or 0
  count_attempt(kind, outcome, code, calls.all, ms)
  -- Or the next attempt, should its worker be lost before it began, would seem to have begun with this one.
  redis.call('HDEL', key, 'claimed_at', 'worker', 'run_for')
  local event = {
    ms = ms, kind = kind, system = system, customer = string.sub(member, #system + 2), outcome = outcome, code = code,
    asker = attempt.asker or 'trigger', by = attempt.by or '""', tracking = attempt.tracking or '', stamped = attempt.stamped or '',
    shape = attempt.shape or NO_SHAPE, calls = calls.all, error = failure and failure[1] or 'null', note = '""',
  }
  -- Whatever Redis refuses of the memory, a right that is new for one: the job goes on.
  local is_remembered = pcall(function()
    if outcome == 'failed' or DONE[outcome] then count_ended(system, outcome == 'failed' and 'f' or 'd') end
    note_event(event)
  end)
  if not is_remembered then count_up('unremembered|' .. kind, 1) end
end
