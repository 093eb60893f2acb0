-- Forget the oldest events: what is kept long enough, and what is too many. A chunk at a time: nothing else points to them.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 keep for ms  3 how many to keep of each lane  4 how many chunks, and how many tallies, to forget at most
-- Answer how many chunks were forgotten
local now, keep_ms, left = now_ms(), tonumber(ARGV[2]), tonumber(ARGV[4])

-- When a chunk's first event was, by its marks; 0 if they are gone.
local function first_time(lane, chunk)
  local mark = redis.call('GETRANGE', prefix .. 'marks:' .. lane .. ':' .. chunk, 0, 3)
  return #mark == 4 and struct.unpack('<I4', mark) * 1000 or 0
end

-- List again the chunks before the lowest that is listed, should Redis have lost that.
local function list_again(lane, listed)
  local lowest = tonumber(redis.call('GET', prefix .. 'chunk:' .. lane) or '0')
  for place = 1, #listed, 2 do lowest = math.min(lowest, tonumber(listed[place])) end
  for chunk = lowest - 1, lowest - tonumber(ARGV[4]), -1 do
    local name = text(chunk)
    if chunk < 1 or redis.call('EXISTS', prefix .. 'events:' .. lane .. ':' .. name) == 0 then return end
    redis.call('ZADD', prefix .. 'chunks:' .. lane, text(first_time(lane, name)), name)
  end
end

-- A chunk is written to for a day at most, so that all of its events are older than keep and a day once its first one is. A time
-- that lies ahead was noted by a clock that has stepped back since.
local function close_old(lane)
  local chunks, present = prefix .. 'chunks:' .. lane, redis.call('GET', prefix .. 'chunk:' .. lane)
  for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', chunks, '(' .. text(now), '+inf', 'LIMIT', 0, left)) do
    redis.call('ZADD', chunks, text(now), ahead)
  end
  local began = present and tonumber(redis.call('ZSCORE', chunks, present) or '')
  if began and began + DAY_MS <= now then redis.call('INCR', prefix .. 'chunk:' .. lane) end
end

local function forget_of(lane)
  close_old(lane)
  local listed, forgotten = prefix .. 'chunks:' .. lane, 0
  local oldest = redis.call('ZRANGE', listed, 0, left, 'WITHSCORES')
  list_again(lane, oldest)
  -- One more than make up the number, as the last one is not full.
  local too_many = redis.call('ZCARD', listed) - math.ceil(tonumber(ARGV[3]) / CHUNK) - 1
  local present = redis.call('GET', prefix .. 'chunk:' .. lane)
  for place = 1, #oldest, 2 do
    local chunk, is_old = oldest[place], tonumber(oldest[place + 1]) + DAY_MS + keep_ms < now
    if left == 0 or chunk == present or not (is_old or forgotten < too_many) then break end
    redis.call('UNLINK', prefix .. 'events:' .. lane .. ':' .. chunk, prefix .. 'marks:' .. lane .. ':' .. chunk)
    -- Last of all: if this stops before it, the next call finds the chunk again.
    redis.call('ZREM', listed, chunk)
    forgotten, left = forgotten + 1, left - 1
  end
  return forgotten
end

local forgotten = forget_of('asked') + forget_of('background')
local tallies, before = prefix .. 'tallies', math.floor((now - keep_ms) / DAY_MS) - 2
for _, name in ipairs(redis.call('ZRANGEBYSCORE', tallies, '-inf', before, 'LIMIT', 0, tonumber(ARGV[4]))) do
  redis.call('UNLINK', prefix .. 'tally:' .. name)
  redis.call('ZREM', tallies, name)
end
return forgotten
