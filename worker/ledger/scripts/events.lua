-- Look through some chunks of a lane's events, the newest first; this changes nothing.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 lane  3 and 4 since and until, in seconds since 1970  5 how many events at most
--        6 system id  7 customer id  8 tracking id  9 Stamped.io id  10 code  11 outcome  12 source: '' if it does not matter
--        13 the place in the first chunk to begin at, counted from 0; -1 for its end
--        14 and on: the chunks, the newest first
-- Answer { the chunk and the place where to go on, both '' if all was looked through; chunk, place, entry, ... }: what fits by its
--        marks, so that who asks must still compare

-- How many events whose first mark fits are looked at: it keeps Redis from others for some milliseconds.
local LOOKS = 3000

-- How many stores there must be for a store to be rarer than an outcome or a source.
local MANY_STORES = 4

local lane, since, till, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local system, customer, tracking, stamped, code, outcome, source = marks_of(unpack(ARGV, 6, 12))

-- Where each mark is in an event's marks, and what it must be; see `marks_of`. The first is looked for, so the rarest comes first.
local wanted = {}
local function want(at, format, given, mark)
  if given ~= '' then wanted[#wanted + 1] = { at = at, mark = struct.pack(format, mark) } end
end
want(12, '<I4', ARGV[8], tracking)
want(8, '<I4', ARGV[7], customer)
want(16, '<I4', ARGV[9], stamped)
local is_one_of_many = redis.call('SCARD', prefix .. 'systems') > MANY_STORES
if is_one_of_many then want(4, '<I4', ARGV[6], system) end
want(20, '<I2', ARGV[10], code)
-- They stand side by side, and are looked for as one.
if ARGV[11] ~= '' and ARGV[12] ~= '' then
  wanted[#wanted + 1] = { at = 22, mark = struct.pack('BB', outcome, source) }
else
  want(22, 'B', ARGV[11], outcome)
  want(23, 'B', ARGV[12], source)
end
if not is_one_of_many then want(4, '<I4', ARGV[6], system) end

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
    -- The next place where it can be: in this event's marks if it was met before it, else in the next one's.
    from = (rest < first.at and place or place + 1) * MARK_SIZE + first.at + 1
  end
end

local answer, looked = { '', '' }, 0

-- Look through a chunk; true if there is no more to look at, as enough was found or looked at.
local function look(chunk, begins)
  local name = lane .. ':' .. chunk
  local count, marks = redis.call('LLEN', prefix .. 'events:' .. name), redis.call('GET', prefix .. 'marks:' .. name) or ''
  local last, has_marks = begins < 0 and count - 1 or math.min(begins, count - 1), #marks == count * MARK_SIZE
  local places = has_marks and wanted[1] and places_of(marks, last)
  for step = places and #places or last + 1, 1, -1 do
    local place = places and places[step] or step - 1
    looked = looked + 1
    if not has_marks or fits(marks, place) then
      for _, each in ipairs({ chunk, place, redis.call('LINDEX', prefix .. 'events:' .. name, place) }) do answer[#answer + 1] = each end
    end
    if #answer >= most * 3 + 2 or looked >= LOOKS then
      answer[1], answer[2] = chunk, place - 1
      return true
    end
  end
end

for index = 14, #ARGV do
  if look(ARGV[index], index == 14 and tonumber(ARGV[13]) or -1) then break end
end
return answer
