-- One job: a hash, and its place in the index of its state.
--   <prefix>job:<kind>:<member>    hash; member is <system_id>:<customer_id>
--   <prefix><state>:<kind>:<system_id>   sorted set of members, by the time that matters to the state:
--     queued   its place in the queue           sent     when its message was sent
--     running  when its lease runs out          waiting  when the sweeper must bring it back
--     done, failed  when it ended
--   <prefix>recent:<kind>:<system_id>    every member, by when it last changed
--   <prefix>code:<kind>:<system_id>:<code>   the failed members with that error, by when they failed
--   <prefix>codes:<kind>           set of <system_id>:<code>, whose sorted sets these are
--   <prefix>last_done:<kind>       hash, by system id, of when a job last ended well
--   <prefix>brief:<kind>           sorted set of members that leave `done` earlier than others, by when
--   <prefix>totals                 hash of counts that only grow, for the metrics: names and labels joined by |
--   <prefix>history:<kind>:<member>   list of the last attempts as JSON, the newest last; see `note_attempt`
--   <prefix>newest:<kind>          when the newest message that has been started was sent
-- The hash counts in `messages` those of its messages that may still be on their way.
local prefix = ARGV[1]

-- How much later than a trigger's the place of a background job is: no trigger waits behind it, and it waits behind
-- triggers no longer than that.
local BACKGROUND_MS = 24 * 60 * 60 * 1000

-- How long a background job that is done stays, at most: so that an initialize of a million does not fill Redis.
local BACKGROUND_KEPT_MS = 5 * 60 * 1000

-- An attempt is counted under the first of these that it took no longer than.
local ATTEMPT_BOUNDS_MS = { 100, 250, 500, 1000, 2500, 5000, 10000, 30000 }

-- How many attempts of a job are remembered.
local ATTEMPTS_KEPT = 20

local function text(number) return string.format('%.0f', number) end

local function system_of(member) return string.match(member, '^(%d+):') end

local function key_of(kind, member) return prefix .. 'job:' .. kind .. ':' .. member end

local function history_of(kind, member) return prefix .. 'history:' .. kind .. ':' .. member end

local function index_of(state, kind, member) return prefix .. state .. ':' .. kind .. ':' .. system_of(member) end

local function index_of_code(kind, system, code) return prefix .. 'code:' .. kind .. ':' .. system .. ':' .. code end

local function field(key, name) return redis.call('HGET', key, name) or nil end

local function number(key, name) return tonumber(field(key, name) or '0') end

-- Take a failed job from the list of those that failed with its error, or put it there.
local function list_by_code(command, kind, member)
  local system, code = system_of(member), cjson.decode(field(key_of(kind, member), 'error')).code
  if command == 'ZREM' then return redis.call('ZREM', index_of_code(kind, system, code), member) end
  redis.call('SADD', prefix .. 'codes:' .. kind, system .. ':' .. code)
  redis.call('ZADD', index_of_code(kind, system, code), text(now_ms()), member)
end

local function count_up(name, by) redis.call('HINCRBY', prefix .. 'totals', name, text(by)) end

local function move(kind, member, state, score)
  local key, now = key_of(kind, member), text(now_ms())
  local old = field(key, 'state')
  if old == 'failed' then list_by_code('ZREM', kind, member) end
  if not old then -- it may still be in the lists of a job that has expired
    redis.call('ZREM', index_of('done', kind, member), member)
    redis.call('ZREM', index_of('failed', kind, member), member)
  end
  if old and old ~= state then redis.call('ZREM', index_of(old, kind, member), member) end
  redis.call('HSET', key, 'state', state, 'changed_at', now)
  redis.call('ZADD', index_of(state, kind, member), text(score), member)
  redis.call('ZADD', index_of('recent', kind, member), now, member)
  if state == 'failed' then list_by_code('ZADD', kind, member) end
end

-- Count an attempt that has ended, and its calls, for whoever reads the metrics.
local function count_attempt(kind, outcome, error, calls, ms)
  local code = error ~= '' and cjson.decode(error).code or ''
  count_up('attempts|' .. kind .. '|' .. outcome .. '|' .. code, 1)
  count_up('attempt_ms|' .. kind, ms)
  for _, bound in ipairs(ATTEMPT_BOUNDS_MS) do
    if ms <= bound then
      count_up('attempts_within|' .. kind .. '|' .. bound, 1)
      break
    end
  end
  for _, call in ipairs(calls ~= '' and cjson.decode(calls) or {}) do
    local status = type(call[4]) == 'number' and math.floor(call[4] / 100) .. 'xx' or 'none'
    count_up('calls|' .. call[1] .. '|' .. call[2] .. '|' .. status, 1)
    count_up('call_ms|' .. call[1], call[5])
  end
end

-- Remember an attempt that has ended. `error` and `calls` are JSON, '' for none.
local function note_attempt(kind, member, outcome, error, calls)
  local key, history, now = key_of(kind, member), history_of(kind, member), now_ms()
  local worker = cjson.encode(field(key, 'worker') or '')
  local began = number(key, 'claimed_at')
  local ms = began > 0 and now - began or 0
  count_attempt(kind, outcome, error, calls, ms)
  redis.call('RPUSH', history, string.format(
    '{"at":%.0f,"ms":%.0f,"worker":%s,"outcome":"%s","error":%s,"calls":%s}',
    began, ms, worker, outcome, error ~= '' and error or 'null', calls ~= '' and calls or '[]'
  ))
  redis.call('LTRIM', history, -ATTEMPTS_KEPT, -1)
  redis.call('HDEL', key, 'claimed_at', 'worker')
end

-- Forget a job that has ended, in every list of its system, unless it is there again.
local function forget(kind, member, state)
  redis.call('ZREM', index_of(state, kind, member), member)
  if redis.call('EXISTS', key_of(kind, member)) == 0 then
    redis.call('ZREM', index_of('recent', kind, member), member)
  end
end

-- A debug job goes first, but not again once its store was held for it: others may get through where it does not.
local function place_of(key)
  if field(key, 'debug') and not field(key, 'spared') then return 0 end
  return number(key, 'queued_at') + (field(key, 'background') and BACKGROUND_MS or 0)
end

-- Put a job into its store's queue, at the place of its `queued_at`; a debug job at the front, a background job behind what
-- triggers ask for.
local function enqueue(kind, member)
  local key = key_of(kind, member)
  redis.call('HDEL', key, 'token', 'due', 'urgent')
  redis.call('PERSIST', key)
  redis.call('PERSIST', history_of(kind, member))
  redis.call('SADD', prefix .. 'systems', system_of(member))
  move(kind, member, 'queued', place_of(key))
end

local function start_over(kind, member)
  local key = key_of(kind, member)
  redis.call('HDEL', key, 'attempt', 'losses', 'first_failed_at', 'needs')
  redis.call('HSET', key, 'queued_at', text(now_ms()))
  enqueue(kind, member)
end

-- Whether `token` still holds the job.
local function holds(key, token)
  return field(key, 'state') == 'running' and field(key, 'token') == token
end

-- Ask for one more run. `urgent`: do not wait for the due time of a retry, nor of one that the present run comes to.
-- `background`: behind what triggers ask for; a trigger for such a job brings it forward. Answers the wanted version.
local function request(kind, member, tracking_guid, urgent, debug, background)
  local key = key_of(kind, member)
  local version = redis.call('HINCRBY', key, 'wanted', 1)
  redis.call('HSETNX', key, 'requested_at', text(now_ms()))
  redis.call('HSET', key, 'tracking_guid', tracking_guid)
  local state = field(key, 'state')
  if debug then redis.call('HSET', key, 'debug', state == 'running' and 'next' or '1') end
  if state == 'running' and urgent then redis.call('HSET', key, 'urgent', '1') end
  local is_brought_forward = not background and redis.call('HDEL', key, 'background') == 1
  if state == 'queued' and (debug or is_brought_forward) then enqueue(kind, member) end
  local is_under_way = state == 'running' or state == 'sent' or state == 'queued'
  if not is_under_way and (state ~= 'waiting' or urgent) then
    if background then redis.call('HSET', key, 'background', '1') end
    start_over(kind, member)
  end
  return version
end

-- End a run: note what the version came to, then rest in `state` or, where more was asked for meanwhile, run again.
local function settle(kind, member, version, state, keep_ms)
  local key = key_of(kind, member)
  redis.call('HSET', key, 'settled', version)
  redis.call('HDEL', key, 'token', 'losses', 'due', 'needs', 'urgent')
  if field(key, 'debug') == 'next' then redis.call('HSET', key, 'debug', '1') else redis.call('HDEL', key, 'debug') end
  if number(key, 'wanted') > tonumber(version) then return start_over(kind, member) end
  if redis.call('HDEL', key, 'background') == 1 and state == 'done' then
    keep_ms = math.min(keep_ms, BACKGROUND_KEPT_MS)
    redis.call('ZADD', prefix .. 'brief:' .. kind, text(now_ms() + keep_ms), member)
  end
  redis.call('HDEL', key, 'debug')
  if state == 'done' then redis.call('HSET', prefix .. 'last_done:' .. kind, system_of(member), text(now_ms())) end
  move(kind, member, state, now_ms())
  redis.call('PEXPIRE', key, keep_ms)
  redis.call('PEXPIRE', history_of(kind, member), keep_ms)
end
