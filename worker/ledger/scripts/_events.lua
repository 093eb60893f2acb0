-- The memory: every attempt that has ended, and every change by a person, is one event.
-- include: _row
--   <prefix>events:<lane>:<chunk>    list of events as JSON, the newest last: see `note_event`
--   <prefix>marks:<lane>:<chunk>     string of `MARK_SIZE` bytes for each of them, by which it is found: see `marks_of`
--   <prefix>chunks:<lane>            sorted set of the chunks, by the earliest time of their events
--   <prefix>chunk:<lane>             the chunk that is written to, counted from 1
--   <prefix>shapes                   hash of what was called and sent, as JSON, by a short name that the events hold in its place
--   <prefix>tally:<system_id>:<day>  hash: how many jobs of a store ended well, `<slot>d`, and badly, `<slot>f`, in each ten
--                                    minutes of a day; under `all` in place of an id those of all stores
--   <prefix>tallies                  sorted set of <system_id>:<day>, by day
-- The lane `background` is that of what an initialize and a catch-up asked for, so that it pushes nothing else out; else `asked`.

-- How many events a chunk holds; whole chunks are forgotten, the oldest first.
local CHUNK = 4096

-- The most shapes that are kept once for all; beyond, an event holds its own.
local MOST_SHAPES = 4096

local SLOT_MS, DAY_MS = 10 * 60 * 1000, 24 * 60 * 60 * 1000
local MARK_SIZE, FORMAT = 24, '<I4I4I4I4I4I2BB'
local OUTCOMES = {
  created = 1, updated = 2, subscribed = 3, unsubscribed = 4, unchanged = 5, waiting = 6, held = 7, throttled = 8, failed = 9,
  lost = 10, queued = 11, requested = 12, discarded = 13, paused = 14, resumed = 15, released = 16, dismissed = 17, acknowledged = 18,
  withdrawn = 19,
}
local DONE = { created = true, updated = true, subscribed = true, unsubscribed = true, unchanged = true }
local SOURCES = {
  trigger = 1, ['manual-sync'] = 2, ['re-run'] = 3, initialize = 4, ['catch-up'] = 5, schedule = 6, person = 7,
}

local function hash_of(text, size)
  local hash = 0
  for place = 1, #text do hash = (hash * 31 + string.byte(text, place)) % size end
  return hash
end

-- Of an id, as many of its last digits as four bytes hold. Other events may have the same mark: who searches compares the events.
local function mark_of(id)
  local last = string.sub(id, -8)
  return (string.find(last, '^%x+$') and tonumber(last, 16) or hash_of(last, 4294967291)) % 2 ^ 32
end

local function mark_of_code(code) return hash_of(code, 65521) end

-- What an event is found by, in the order of `FORMAT`.
local function marks_of(system, customer, tracking, stamped, code, outcome, source)
  return mark_of(system), mark_of(customer), mark_of(tracking), mark_of(stamped), mark_of_code(code), OUTCOMES[outcome] or 255,
    SOURCES[source] or 255
end

-- The chunk that is written to. If Redis has lost which it is, one that nobody has written to.
local function present_chunk(lane)
  local chunk = redis.call('GET', prefix .. 'chunk:' .. lane)
  if chunk then return chunk end
  local free = 1
  for _, each in ipairs(redis.call('ZRANGE', prefix .. 'chunks:' .. lane, 0, -1)) do free = math.max(free, tonumber(each) + 1) end
  while redis.call('EXISTS', prefix .. 'events:' .. lane .. ':' .. text(free)) == 1 do free = free + 1 end
  redis.call('SET', prefix .. 'chunk:' .. lane, text(free))
  return text(free)
end

-- Append an event to its lane. `entry` is its JSON, the others are what it is found by.
local function append_event(lane, entry, ...)
  local chunk, now = present_chunk(lane), now_ms()
  local name = lane .. ':' .. chunk
  local count = redis.call('RPUSH', prefix .. 'events:' .. name, entry)
  -- Each time: Redis may have lost the list, and a clock that steps back makes an earlier time.
  redis.call('ZADD', prefix .. 'chunks:' .. lane, 'LT', text(now), chunk)
  local size = redis.call('APPEND', prefix .. 'marks:' .. name, struct.pack(FORMAT, math.floor(now / 1000), marks_of(...)))
  -- If the two do not fit together, Redis has lost one of them, or stopped between them: what follows goes elsewhere, as the marks
  -- would be taken for other events'.
  if count >= CHUNK or size ~= count * MARK_SIZE then redis.call('INCR', prefix .. 'chunk:' .. lane) end
end

local function lane_of(source) return (source == 'initialize' or source == 'catch-up') and 'background' or 'asked' end

-- The shape of an attempt in a few bytes: its calls without what came of them, and the names of the fields that were sent, which
-- are alike for most. `shape` is { its short name, the same as JSON }, empty if no call was made.
local function short_of(shape)
  if shape[1] == '' then return '""' end
  local shapes = prefix .. 'shapes'
  if redis.call('HEXISTS', shapes, shape[1]) == 0 then
    if redis.call('HLEN', shapes) >= MOST_SHAPES then return shape[2] end
    redis.call('HSET', shapes, shape[1], shape[2])
  end
  return '"' .. shape[1] .. '"'
end

-- What came of each call, as JSON: its status, 0 if there was no answer, and how long it took in ms.
local function ends_of(calls)
  local ends = {}
  for place, call in ipairs(calls) do
    ends[place] = string.format('%d,%d', type(call[4]) == 'number' and call[4] or 0, call[5])
  end
  return '[' .. table.concat(ends, ',') .. ']'
end

-- Note an attempt that has ended, or a person's change. Of `event`, `by`, `error`, `note` and `shape` are JSON that is passed
-- through; `calls` are those of `calls_of`; `asker` is who asked for it: a source, and after a blank the user, if a page knows one.
local function note_event(event)
  local source, user = string.match(event.asker, '^(%S*) ?(.*)$')
  local entry = string.format(
    '[%d,%d,"%s","%s","%s","%s","%s","%s",%s,%s,%s,%s,%s,%s,%s,%s]', now_ms(), event.ms, event.kind, event.system,
    event.customer, event.outcome, event.code, source, user == '' and '""' or cjson.encode(user), event.by,
    cjson.encode(event.tracking), cjson.encode(event.stamped), short_of(event.shape), ends_of(event.calls), event.error, event.note
  )
  append_event(lane_of(source), entry, event.system, event.customer, event.tracking, event.stamped, event.code, event.outcome, source)
end

-- Note what a person has changed: { system, outcome, asker, and if there are such: kind, customer, code, note }.
local function note_change(change)
  note_event({
    ms = 0, kind = change.kind or '', system = change.system, customer = change.customer or '', outcome = change.outcome,
    code = change.code or '', asker = change.asker, by = '""', tracking = '', stamped = '', shape = { '' }, calls = {},
    error = 'null', note = change.note or '""',
  })
end

-- Count a job that has ended, for the charts of its store.
local function count_ended(system, letter)
  local now = now_ms()
  local day, slot = math.floor(now / DAY_MS), math.floor(now % DAY_MS / SLOT_MS)
  for _, whose in ipairs({ system, 'all' }) do
    local name = whose .. ':' .. text(day)
    if redis.call('HINCRBY', prefix .. 'tally:' .. name, text(slot) .. letter, 1) == 1 then
      redis.call('ZADD', prefix .. 'tallies', day, name)
    end
  end
end
