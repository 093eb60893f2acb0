-- Look through some chunks of a lane's events, the newest first; this changes nothing.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 lane  3 and 4 since and until, in seconds since 1970  5 how many events at most
--        6 system id  7 customer id  8 tracking id  9 Stamped.io id  10 code  11 outcome  12 source: '' if it does not matter
--        13 the place in the first chunk to begin at, counted from 0; -1 for its end
--        14 and on: the chunks, the newest first
-- Answer { chunk, place, entry, ... }: what fits by its marks, so that who asks must still compare; it is whole unless there are as
--        many as wanted
local lane, since, till, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- Where each mark is in an event's marks, its format, and what it must be. The first that is given is looked for; see `marks_of`.
local SYSTEM, CUSTOMER, TRACKING, STAMPED, CODE, OUTCOME, SOURCE = 4, 8, 12, 16, 20, 22, 23
local system, customer, tracking, stamped, code, outcome, source = marks_of(unpack(ARGV, 6, 12))
local wanted = {}
for _, each in ipairs({
  { TRACKING, '<I4', ARGV[8], tracking }, { CUSTOMER, '<I4', ARGV[7], customer }, { STAMPED, '<I4', ARGV[9], stamped },
  { CODE, '<I2', ARGV[10], code }, { SYSTEM, '<I4', ARGV[6], system }, { OUTCOME, 'B', ARGV[11], outcome },
  { SOURCE, 'B', ARGV[12], source },
}) do
  if each[3] ~= '' then wanted[#wanted + 1] = { at = each[1], mark = struct.pack(each[2], each[4]) } end
end

-- Whether an event has each mark, and its time.
local function fits(marks, place)
  local at = place * MARK_SIZE
  for _, each in ipairs(wanted) do
    if string.sub(marks, at + each.at + 1, at + each.at + #each.mark) ~= each.mark then return false end
  end
  local seconds = struct.unpack('<I4', marks, at + 1)
  return seconds >= since and seconds <= till
end

-- The places, up to the last one that is looked at, where the first mark is.
local function places_of(marks, last)
  local first, found, from = wanted[1], {}, 1
  while true do
    local at = string.find(marks, first.mark, from, true)
    if not at then return found end
    local place, rest = math.floor((at - 1) / MARK_SIZE), (at - 1) % MARK_SIZE
    if place > last then return found end
    if rest == first.at then found[#found + 1] = place end
    from = at + 1
  end
end

local answer = {}
local function look(chunk, begins)
  local name = lane .. ':' .. chunk
  local count, marks = redis.call('LLEN', prefix .. 'events:' .. name), redis.call('GET', prefix .. 'marks:' .. name) or ''
  local last, has_marks = begins < 0 and count - 1 or math.min(begins, count - 1), #marks == count * MARK_SIZE
  local places = has_marks and wanted[1] and places_of(marks, last)
  for step = places and #places or last + 1, 1, -1 do
    local place = places and places[step] or step - 1
    if not has_marks or fits(marks, place) then
      for _, each in ipairs({ chunk, place, redis.call('LINDEX', prefix .. 'events:' .. name, place) }) do answer[#answer + 1] = each end
      if #answer >= most * 3 then return true end
    end
  end
end

for index = 14, #ARGV do
  if look(ARGV[index], index == 14 and tonumber(ARGV[13]) or -1) then break end
end
return answer
