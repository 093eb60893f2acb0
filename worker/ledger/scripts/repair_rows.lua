-- Compare some jobs with their places and, if it acts, put each back into the lists of its state.
-- include: _request
-- KEYS   none
-- ARGV   1 prefix  2 kind  3 acts 0|1  4 and on: members
-- Answer how many had no place
local kind, acts, found = ARGV[2], ARGV[3] == '1', 0
local PLACES = { sent = 'message_at', running = 'lease_until', waiting = 'due', done = 'changed_at', failed = 'changed_at' }

local function is_placed(member, system, state)
  return redis.call('ZSCORE', index_of(state, kind, system), member)
    and redis.call('ZSCORE', index_of('recent', kind, system), member)
    and (state ~= 'failed' or redis.call('ZSCORE', index_of_code(kind, system, code_of(key_of(kind, member))), member))
end

local function put_back(member, system, state)
  local key = key_of(kind, member)
  local at = text(number(key, 'changed_at'))
  local place = state == 'queued' and place_of(key) or number(key, PLACES[state])
  -- Without this, the jobs of a store that is not configured any more would never be swept.
  redis.call('SADD', prefix .. 'systems', system)
  redis.call('ZADD', index_of(state, kind, system), text(place), member)
  redis.call('ZADD', index_of('recent', kind, system), at, member)
  if state == 'failed' then list_code(kind, system, member, at) end
end

for _, member in ipairs({ unpack(ARGV, 4) }) do
  local system, state = system_of(member), field(key_of(kind, member), 'state')
  local is_known = system and (state == 'queued' or PLACES[state or ''])
  if is_known and not is_placed(member, system, state) then
    found = found + 1
    if acts then put_back(member, system, state) end
  end
end
return found
