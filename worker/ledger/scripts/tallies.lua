-- How many jobs of some stores have ended well and badly; this changes nothing.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 how many slots of ten minutes  3 how many of them make one step  4 a time in ms that the last slot holds, ''
--        for now  5 and on: the stores' system ids, or 'all'
-- Answer JSON: for each store { done: by step, failed: by step }, the oldest step first
local slots, width, ends = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]) or now_ms()
local last, a_day = math.floor(ends / SLOT_MS), DAY_MS / SLOT_MS
local first = last - slots + 1

local function of_store(system)
  local counts = { done = {}, failed = {} }
  for step = 1, math.ceil(slots / width) do counts.done[step], counts.failed[step] = 0, 0 end
  for day = math.floor(first / a_day), math.floor(last / a_day) do
    local found = redis.call('HGETALL', prefix .. 'tally:' .. system .. ':' .. text(day))
    for place = 1, #found, 2 do
      local slot = day * a_day + tonumber(string.sub(found[place], 1, -2))
      if slot >= first and slot <= last then
        local list = string.sub(found[place], -1) == 'd' and counts.done or counts.failed
        local step = math.floor((slot - first) / width) + 1
        list[step] = list[step] + tonumber(found[place + 1])
      end
    end
  end
  return counts
end

local stores = {}
for index = 5, #ARGV do stores[#stores + 1] = of_store(ARGV[index]) end
return cjson.encode(stores)
