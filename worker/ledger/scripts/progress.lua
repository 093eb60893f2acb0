-- How far the initializes of some connections have come.
-- include: _field
-- KEYS   their hashes: see _progress.lua
-- ARGV   none
-- Answer JSON: for each that has begun, its place from 1 as a text, and its hash as a list of names and values
--
-- JSON, because a client reads one text far faster than many answers.
local found = {}
for place, key in ipairs(KEYS) do
  if field(key, 'started_at') then found[tostring(place)] = redis.call('HGETALL', key) end
end
return cjson.encode(found)
