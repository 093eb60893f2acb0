-- Note how a process runs, and forget those that have noted nothing for long.
-- include: _fleet
-- KEYS   1 hash of the processes: see `_fleet`
-- ARGV   1 its name  2 how it runs, as JSON, passed through; empty if it has ended  3 forgotten after ms
-- Answer as `fleet`
local now, key = now_ms(), KEYS[1]
local found = fleet(key, now)
for place = 2, #found, 2 do
  local seen = tonumber(string.match(found[place + 1], '^%d+'))
  -- A time far ahead is of a clock that has stepped back.
  if not seen or math.abs(now - seen) > tonumber(ARGV[3]) then redis.call('HDEL', key, found[place]) end
end

if ARGV[2] == '' then
  redis.call('HDEL', key, ARGV[1])
else
  local old = redis.call('HGET', key, ARGV[1]) or ''
  local since, known = string.match(old, '^%d+ (%d+) (.*)$')
  if known ~= ARGV[2] then since = text(now) end
  redis.call('HSET', key, ARGV[1], text(now) .. ' ' .. since .. ' ' .. ARGV[2])
end
return fleet(key, now)
