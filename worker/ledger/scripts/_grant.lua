-- A job is granted to a worker: it is running from now on, until its lease runs out.
-- include: _store _job

-- One of a job's messages has come; answers how many others may still be on their way.
local function arrived(key)
  local others = redis.call('HINCRBY', key, 'messages', -1)
  if others <= 0 then redis.call('HDEL', key, 'messages') end
  return others
end

-- A job is started by its message. The job's time is its newest message's: where it has others on their way, this may be an
-- older one, which says nothing.
local function note_newest(kind, key, others)
  if others > 0 or field(key, 'debug') then return end
  local newest = prefix .. 'newest:' .. kind
  local message_at = number(key, 'message_at')
  if message_at > tonumber(redis.call('GET', newest) or '0') then redis.call('SET', newest, text(message_at)) end
end

-- How long an API may go on showing a customer as it was before a write.
local MOMENT_MS = 5 * 60 * 1000

-- Answers { 'granted', version, failed attempts so far, tracking guid, debug '1'|'', Stamped.io id, calls covered by the throttle
-- as JSON by API, asked for by a trigger '1'|'', new in Stamped.io '1'|'', written to by a transfer a moment ago '1'|'', created }.
local function grant(kind, member, token, lease_ms, worker, now)
  local lease_until = now + lease_ms
  local wanted, attempt, tracking_guid, debug, stamped_id, slots, triggered, is_new, written_at, created, asker, state, listed = fields(
    key_of(kind, member), 'wanted', 'attempt', 'tracking_guid', 'debug', 'stamped_id', 'slots', 'triggered', 'is_new', 'written_at',
    'created', 'asker', 'state', 'listed'
  )
  -- With the state: whatever is running has its token, and the version that its end is compared with.
  move(kind, member, 'running', lease_until, {
    'token', token, 'lease_until', text(lease_until), 'claimed', wanted or '0', 'claimed_at', text(now), 'worker', worker,
    'run_for', asker or 'trigger',
  }, { state, listed })
  -- Read from the row, and not counted anew: a claim that is granted twice covers the same slots twice, and takes none more.
  local covered = {}
  for api, names in pairs(slots_in(slots)) do covered[api] = #names end
  return {
    'granted', wanted or '0', attempt or '0', tracking_guid or '', debug or '', stamped_id or '', cjson.encode(covered),
    triggered or '', is_new or '', now - (tonumber(written_at or '0') or 0) < MOMENT_MS and '1' or '', created or '',
  }
end
