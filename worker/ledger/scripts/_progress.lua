-- How far one initialize of a connection has come.
-- include: _clock _field
--   <prefix>initialize:<system_id>:<selection>   hash: token (names the process that is at it), position (a text of its own),
--     requested (how many customers until now), started_at, moved_at (when it was noted last), ended_at once it has ended,
--     last_ended_at and last_requested if an earlier one had; run, which names whom it has met; of a catch-up past, which
--     names whom several of them have met since past_at, and older, which names those before
--   <prefix>initialize:<system_id>:<selection>:met:<run, past or older>:<last four digits>   set of the customer ids that it has
--     met; so split, a set holds few numbers, and a million ids take about ten bytes each
-- Whom it has met is kept for 30 days from the last one noted. A catch-up does not ask for anybody again within that time:
-- whoever failed and was discarded does not come back every night. So that nobody is forgotten sooner, whom it has met in the
-- 30 days before is looked up too.
local MET_KEPT_MS = 30 * 24 * 60 * 60 * 1000

local function time(key, name) return tonumber(field(key, name) or '') end

-- Take an initialize up as it is: whoever takes it up last owns its progress from then on. One of a release that did not
-- keep whom it has met has no run.
local function take_up(key, token, now)
  redis.call('HSETNX', key, 'run', token)
  redis.call('HSET', key, 'token', token, 'moved_at', text(now))
  return redis.call('HGETALL', key)
end

-- Begin one anew, and keep what is shown of the one before it.
local function start(key, token, now)
  local kept = { last_ended_at = field(key, 'last_ended_at'), last_requested = field(key, 'last_requested') }
  if field(key, 'ended_at') then
    kept = { last_ended_at = field(key, 'ended_at'), last_requested = field(key, 'requested') }
  end
  local past_at = math.min(time(key, 'past_at') or now, now)
  if now - past_at < MET_KEPT_MS then
    kept.past, kept.past_at, kept.older = field(key, 'past'), text(past_at), field(key, 'older')
  elseif now - past_at < 2 * MET_KEPT_MS then
    kept.older = field(key, 'past')
  end
  redis.call('DEL', key)
  -- At once: whoever finds it, however this ends, can read it and take it up.
  redis.call('HSET', key, 'position', '', 'requested', '0', 'started_at', text(now), 'token', token)
  for name, value in pairs(kept) do redis.call('HSET', key, name, value) end
  return take_up(key, token, now)
end
