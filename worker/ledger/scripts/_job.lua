-- One job: a hash, and its place in the index of its state.
--   <prefix>job:<kind>:<member>    hash; member is <system_id>:<customer_id>
--   <prefix><state>:<kind>         sorted set of members, by the time that matters to the state:
--     queued   when its message was sent        running  when its lease runs out
--     waiting  when the sweeper must send it    done, failed  when it ended
--   <prefix>newest:<kind>          when the newest message that has been started was sent
-- The hash counts in `messages` those of its messages that may still be on their way.
local prefix = ARGV[1]

local function text(number) return string.format('%.0f', number) end

local function key_of(kind, member) return prefix .. 'job:' .. kind .. ':' .. member end

local function index_of(state, kind) return prefix .. state .. ':' .. kind end

local function field(key, name) return redis.call('HGET', key, name) or nil end

local function number(key, name) return tonumber(field(key, name) or '0') end

local function move(kind, member, state, score)
  local key = key_of(kind, member)
  local old = field(key, 'state')
  if old and old ~= state then redis.call('ZREM', index_of(old, kind), member) end
  redis.call('HSET', key, 'state', state, 'changed_at', text(now_ms()))
  redis.call('ZADD', index_of(state, kind), text(score), member)
end

-- A message is owed from here on; whoever called must send it, or the sweeper will.
local function enqueue(kind, member)
  local now = now_ms()
  local key = key_of(kind, member)
  redis.call('HSET', key, 'message_at', text(now))
  redis.call('HDEL', key, 'token', 'due')
  redis.call('HINCRBY', key, 'messages', 1)
  redis.call('PERSIST', key)
  move(kind, member, 'queued', now)
end

local function start_over(kind, member)
  redis.call('HDEL', key_of(kind, member), 'attempt', 'losses', 'first_failed_at')
  enqueue(kind, member)
end

-- Whether `token` still holds the job.
local function holds(key, token)
  return field(key, 'state') == 'running' and field(key, 'token') == token
end

-- Ask for one more run. `urgent`: do not wait for the due time of a retry, nor of one that a run comes to now. Answers the wanted version, and 1 where a
-- message is owed.
local function request(kind, member, tracking_guid, urgent, debug)
  local key = key_of(kind, member)
  local version = redis.call('HINCRBY', key, 'wanted', 1)
  redis.call('HSETNX', key, 'requested_at', text(now_ms()))
  redis.call('HSET', key, 'tracking_guid', tracking_guid)
  if debug then redis.call('HSET', key, 'debug', '1') end
  local state = field(key, 'state')
  if state == 'running' then
    if urgent then redis.call('HSET', key, 'urgent', '1') end
    return version, 0
  end
  if state == 'queued' and not debug then return version, 0 end
  if state == 'waiting' and not urgent then return version, 0 end
  start_over(kind, member)
  return version, 1
end

-- End a claim: note what the version came to, then rest in `state` or, where more was asked for meanwhile, run again.
-- Answers 1 where a message is owed.
local function settle(kind, member, version, state, keep_ms)
  local key = key_of(kind, member)
  redis.call('HSET', key, 'settled', version)
  redis.call('HDEL', key, 'token', 'losses', 'due', 'urgent')
  if number(key, 'wanted') > tonumber(version) then
    start_over(kind, member)
    return 1
  end
  redis.call('HDEL', key, 'debug')
  move(kind, member, state, now_ms())
  redis.call('PEXPIRE', key, keep_ms)
  return 0
end
