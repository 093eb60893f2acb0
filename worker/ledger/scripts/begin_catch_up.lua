-- Begin a catch-up that is due, or go on with one that nobody works on.
-- include: _progress
-- KEYS   1 the hash of its progress; first_seen_at until the first begins
-- ARGV   1 token  2 interval in ms, from one beginning to the next
--        3 lease in ms: whoever has noted nothing for longer has stopped
-- Answer the hash, names and values in turn; nothing if none is due, or another process works on it
--
-- The first is due one interval after this was first asked, so that a new connection does not begin with a full load.
local key, token, now = KEYS[1], ARGV[1], now_ms()
local started, moved = time(key, 'started_at'), time(key, 'moved_at')

-- If the clock went back, a store must not wait until it has caught up.
local function since(name)
  local at = time(key, name)
  if at and at > now then redis.call('HSET', key, name, text(now)) end
  return at and math.min(at, now)
end

-- Also if somebody has begun it and did not come as far as this.
local function with_past()
  redis.call('HSETNX', key, 'past', token .. '-past')
  redis.call('HSETNX', key, 'past_at', text(now))
  return redis.call('HGETALL', key)
end

local function begin()
  start(key, token, now)
  return with_past()
end

if not started then
  redis.call('HSETNX', key, 'first_seen_at', text(now))
  return now - since('first_seen_at') < tonumber(ARGV[2]) and {} or begin()
end
if not field(key, 'ended_at') then
  if moved and moved <= now and now - moved < tonumber(ARGV[3]) then return {} end
  take_up(key, token, now)
  return with_past()
end
return now - since('started_at') < tonumber(ARGV[2]) and {} or begin()
