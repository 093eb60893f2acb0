-- The processes that run.
-- include: _clock _field
--   <prefix>processes    hash by name: when it was noted last, since when it runs so, and how, as JSON, with a space between

-- Answers { now, name, value, name, value, ... }
local function fleet(key, now)
  local found = redis.call('HGETALL', key)
  table.insert(found, 1, text(now))
  return found
end
