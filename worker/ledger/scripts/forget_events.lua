-- Forget the oldest events: what is kept long enough, and what is too many. A chunk at a time: nothing else points to them.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 keep for ms  3 how many to keep of each lane  4 how many chunks to forget at most
--        5 and on: the system ids of the stores whose tallies to forget
-- Answer how many chunks were forgotten
local now, keep_ms, left = now_ms(), tonumber(ARGV[2]), tonumber(ARGV[4])

-- A chunk is written to for a day at most, so that all of its events are older than keep and a day once its first one is.
local function close_old(lane, chunks)
  local newest = #chunks > 0 and chunks[#chunks - 1]
  local is_written_to = newest and newest == redis.call('GET', prefix .. 'chunk:' .. lane)
  if is_written_to and tonumber(chunks[#chunks]) + DAY_MS <= now then redis.call('INCR', prefix .. 'chunk:' .. lane) end
end

local function forget_of(lane)
  local listed, most = prefix .. 'chunks:' .. lane, math.ceil(tonumber(ARGV[3]) / CHUNK)
  local chunks, forgotten = redis.call('ZRANGE', listed, 0, -1, 'WITHSCORES'), 0
  close_old(lane, chunks)
  -- One more than make up the number, as the last one is not full.
  local too_many = #chunks / 2 - most - 1
  for place = 1, #chunks, 2 do
    local is_old = tonumber(chunks[place + 1]) + DAY_MS + keep_ms < now
    if left == 0 or not (is_old or forgotten < too_many) then break end
    local name = lane .. ':' .. chunks[place]
    redis.call('UNLINK', prefix .. 'events:' .. name, prefix .. 'marks:' .. name)
    -- Last of all: if this stops before it, the next call finds the chunk again.
    redis.call('ZREM', listed, chunks[place])
    forgotten, left = forgotten + 1, left - 1
  end
  return forgotten
end

local forgotten = forget_of('asked') + forget_of('background')
-- The days before the oldest that is kept, for as long as nobody may have looked.
local oldest = math.floor((now - keep_ms) / DAY_MS) - 1
for index = 5, #ARGV do
  for day = oldest - 7, oldest - 1 do redis.call('UNLINK', prefix .. 'tally:' .. ARGV[index] .. ':' .. text(day)) end
end
return forgotten
