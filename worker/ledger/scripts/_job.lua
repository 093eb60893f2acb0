-- One job: a hash, and its place in the index of its state.
--   <prefix>job:<kind>:<member>    hash; member is <system_id>:<customer_id>
--   <prefix><state>:<kind>         sorted set of members, by the time that matters to the state:
--     sent     when its message was sent        running  when its lease runs out
--     waiting  when the sweeper must bring it back        done, failed  when it ended
--   <prefix>queued:<kind>:<system_id>   the same for the jobs of one store that wait for their turn, oldest first
--   <prefix>brief:<kind>           sorted set of members that leave `done` earlier than others, by when
--   <prefix>newest:<kind>          when the newest message that has been started was sent
-- The hash counts in `messages` those of its messages that may still be on their way.
local prefix = ARGV[1]

-- How much later than a trigger's the place of a background job is: no trigger waits behind it, and it waits behind
-- triggers no longer than that.
local BACKGROUND_MS = 24 * 60 * 60 * 1000

-- How long a background job that is done stays, at most: so that an initialize of a million does not fill Redis.
local BACKGROUND_KEPT_MS = 5 * 60 * 1000

local function text(number) return string.format('%.0f', number) end

local function system_of(member) return string.match(member, '^(%d+):') end

local function key_of(kind, member) return prefix .. 'job:' .. kind .. ':' .. member end

local function index_of(state, kind, member)
  local index = prefix .. state .. ':' .. kind
  if state == 'queued' then index = index .. ':' .. system_of(member) end
  return index
end

local function field(key, name) return redis.call('HGET', key, name) or nil end

local function number(key, name) return tonumber(field(key, name) or '0') end

local function move(kind, member, state, score)
  local key = key_of(kind, member)
  local old = field(key, 'state')
  if old and old ~= state then redis.call('ZREM', index_of(old, kind, member), member) end
  redis.call('HSET', key, 'state', state, 'changed_at', text(now_ms()))
  redis.call('ZADD', index_of(state, kind, member), text(score), member)
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
  move(kind, member, state, now_ms())
  redis.call('PEXPIRE', key, keep_ms)
end
