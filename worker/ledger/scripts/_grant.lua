-- A job is granted to a worker: it is running from now on, until its lease runs out.
-- include: _store
-- How long an API may go on showing a customer as it was before a write.
local MOMENT_MS = 5 * 60 * 1000

-- Answers { 'granted', version, failed attempts so far, tracking guid, debug '1'|'', Stamped.io id, calls covered by the throttle
-- as JSON by API, asked for by a trigger '1'|'', new in Stamped.io '1'|'', written to by a transfer a moment ago '1'|'', created }.
local function grant(kind, member, token, lease_ms, worker, now)
  local key = key_of(kind, member)
  -- Before the move: whatever is running has its token, and the version that its end is compared with.
  local lease_until = now + lease_ms
  redis.call(
    'HSET', key, 'token', token, 'lease_until', text(lease_until), 'claimed', number(key, 'wanted'),
    'claimed_at', text(now), 'worker', worker
  )
  move(kind, member, 'running', lease_until)
  -- Read from the row, and not counted anew: a claim that is granted twice covers the same slots twice, and takes none more.
  local covered = {}
  for api, names in pairs(slots_of(key)) do covered[api] = #names end
  return {
    'granted', number(key, 'wanted'), number(key, 'attempt'), field(key, 'tracking_guid') or '',
    field(key, 'debug') or '', field(key, 'stamped_id') or '', cjson.encode(covered), field(key, 'triggered') or '',
    field(key, 'is_new') or '', now - number(key, 'written_at') < MOMENT_MS and '1' or '',
    field(key, 'created') or '',
  }
end
