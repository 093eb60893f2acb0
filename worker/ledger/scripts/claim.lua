-- Take a job for one worker. Asked twice with the same token (a cut connection), it is granted twice.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 lease in ms
--        7 tolerance in ms: how far clocks may differ  8 worker's name, as JSON
-- Answer { 'granted', version, failed attempts so far, tracking guid, debug '1'|'', Stamped.io id,
--          calls covered by the throttle, as JSON by API, asked for by a trigger '1'|'', new in Stamped.io '1'|'',
--          written to by a transfer a moment ago '1'|'' }
--     or { why not: 'unknown' | 'queued' | 'running' | 'waiting' | 'done' | 'failed' }
--
-- An API may not show for some minutes what it was told.
local MOMENT_MS = 5 * 60 * 1000
local kind, member, token = ARGV[2], ARGV[3], ARGV[5]
local key, now, terms = KEYS[1], now_ms(), terms_of(ARGV[4])
local system, state = system_of(member), field(KEYS[1], 'state')
if not state then return { 'unknown' } end
local others = redis.call('HINCRBY', key, 'messages', -1)
if others < 0 then redis.call('HSET', key, 'messages', 0) end

local is_due = state == 'waiting' and number(key, 'due') <= now + tonumber(ARGV[7])
if is_due and not (has_room(system, terms, now) and has_slots(kind, member, system, terms, now)) then
  redis.call('HSET', key, 'queued_at', text(now))
  enqueue(kind, member)
  return { 'queued' }
end
if state == 'sent' and not may_run(kind, member, system, now) then
  return_slots(kind, member, terms, NO_CALLS)
  enqueue(kind, member)
  return { 'queued' }
end
local is_mine = state == 'running' and field(key, 'token') == token
if not (state == 'sent' or is_due or is_mine) then return { state } end

if is_due then take(kind, member, system, terms) end
-- The job's time is its newest message's. Where it has others on their way, this may be an older one, which says nothing.
if state == 'sent' and others <= 0 and not field(key, 'debug') then
  local newest = prefix .. 'newest:' .. kind
  local message_at = number(key, 'message_at')
  if message_at > tonumber(redis.call('GET', newest) or '0') then redis.call('SET', newest, text(message_at)) end
end
local lease_until = now + tonumber(ARGV[6])
redis.call(
  'HSET', key, 'token', token, 'lease_until', text(lease_until), 'claimed', number(key, 'wanted'),
  'claimed_at', text(now), 'worker', ARGV[8]
)
move(kind, member, 'running', lease_until)
local covered = {}
for api, names in pairs(slots_of(key)) do covered[api] = #names end
return {
  'granted', number(key, 'wanted'), number(key, 'attempt'), field(key, 'tracking_guid') or '',
  field(key, 'debug') or '', field(key, 'stamped_id') or '', cjson.encode(covered), field(key, 'triggered') or '',
  field(key, 'is_new') or '', now - number(key, 'written_at') < MOMENT_MS and '1' or '',
  field(key, 'created') or '',
}
