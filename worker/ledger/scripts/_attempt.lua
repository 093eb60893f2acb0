-- An attempt that has ended: counted, and remembered.
-- include: _row

-- An attempt is counted under the first of these that it took no longer than.
local ATTEMPT_BOUNDS_MS = { 100, 250, 500, 1000, 2500, 5000, 10000, 30000 }

-- How many attempts of a job are remembered.
local ATTEMPTS_KEPT = 20

-- How long a value and how many calls may be for the first attempt to stay in the row. A longer value (Redis'
-- `hash-max-listpack-value`) would make each field of the row take several times its memory.
local SHORT, FEW_CALLS = 64, 5
local FIRST_ATTEMPT = { 'first', 'call1', 'call2', 'call3', 'call4', 'call5' }

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
  local noted = { 'first', string.format('%.0f %.0f %s %s', began, ms, outcome, worker) }
  for place, call in ipairs(calls) do
    local status = type(call[4]) == 'number' and text(call[4]) or '-'
    noted[#noted + 1] = 'call' .. place
    noted[#noted + 1] = table.concat({ call[1], call[2], call[3], status, text(call[5]) }, ' ')
  end
  for place = 2, #noted, 2 do
    if #noted[place] > SHORT then return false end
  end
  redis.call('HSET', key, unpack(noted))
  return true
end

-- Remember an attempt that has ended. `failure` is { error, code }, the error as JSON that is passed through, or nil for none;
-- `calls` those of the attempt: see `calls_of` in _slots.lua; `by` the worker's name as JSON, nil for the one in the row.
local function note_attempt(kind, member, outcome, failure, calls, by)
  local key, history, now = key_of(kind, member), history_of(kind, member), now_ms()
  local claimed_at, worker, first = fields(key, 'claimed_at', 'worker', 'first')
  local began = tonumber(claimed_at or '0') or 0
  local ms = began > 0 and math.max(now - began, 0) or 0
  worker = by or worker or '""'
  count_attempt(kind, outcome, failure and failure[2] or '', calls.all, ms)
  -- Or the next attempt, should its worker be lost before it began, would seem to have begun with this one.
  redis.call('HDEL', key, 'claimed_at', 'worker')
  local is_first = not first and redis.call('EXISTS', history) == 0
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
