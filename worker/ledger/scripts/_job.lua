-- Moves a job from one state to another, with its places, and forgets it.
-- include: _row

-- The states of a job that has been let run.
local UNDER_WAY = { sent = true, running = true }

local function index_of_code(kind, system, code) return prefix .. 'code:' .. kind .. ':' .. system .. ':' .. code end

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

-- Put a job into a state, and note more of it in the same step: { name, value, ... }. Its new place comes before its old one goes:
-- if this stops half-way, the job is still found in one of the two, and whoever finds it in a list that its row does not name takes
-- it out there. In the other order it would be in no list, and nobody would run it. Nobody looks for work in `done` and `failed`,
-- so what an earlier move left there goes when the job waits or has ended. `known`: the row's { state, listed } if they were read.
local function move(kind, member, state, score, noted, known)
  local key, system, now = key_of(kind, member), system_of(member), text(now_ms())
  local old, listed = unpack(known or { fields(key, 'state', 'listed') })
  if not old and not redis.call('ZSCORE', index_of('recent', kind, system), member) then count_born(kind, system) end
  redis.call('ZADD', index_of(state, kind, system), text(score), member)
  redis.call('ZADD', index_of('recent', kind, system), now, member)
  local is_listed = old == 'failed' or listed
  if is_listed and state == 'failed' then unlist_code(kind, system, member) end
  if state == 'failed' then list_code(kind, system, member, now) end
  -- The row changes between the two places: from here on the new one counts, and until here the old one.
  redis.call('HSET', key, 'state', state, 'changed_at', now, unpack(noted or {}))
  if is_listed and state ~= 'failed' then unlist_code(kind, system, member) end
  for _, other in ipairs(UNDER_WAY[state] and { old } or { 'done', 'failed', old }) do
    if other and other ~= state then redis.call('ZREM', index_of(other, kind, system), member) end
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
