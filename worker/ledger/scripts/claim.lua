-- Take a job for one worker. Asked twice with the same token (a cut connection), it is granted twice.
-- include: _clock _job
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 token  5 lease in ms  6 tolerance in ms: how far clocks may differ
-- Answer { 'granted', version, failed attempts so far, tracking guid, debug '1'|'', Stamped.io id }
--     or { why not: 'unknown' | 'running' | 'waiting' | 'done' | 'failed' }
local kind, member, token = ARGV[2], ARGV[3], ARGV[4]
local key, now = KEYS[1], now_ms()
local state = field(key, 'state')
if not state then return { 'unknown' } end
local others = redis.call('HINCRBY', key, 'messages', -1)
if others < 0 then redis.call('HSET', key, 'messages', 0) end
if state == 'done' or state == 'failed' then return { state } end
if state == 'waiting' and number(key, 'due') > now + tonumber(ARGV[6]) then return { state } end
if state == 'running' and number(key, 'lease_until') > now and field(key, 'token') ~= token then return { state } end

-- The job's time is its newest message's. Where it has others on their way, this may be an older one, which says nothing.
if state == 'queued' and others <= 0 and not field(key, 'debug') then
  local newest = index_of('newest', kind)
  local message_at = number(key, 'message_at')
  if message_at > tonumber(redis.call('GET', newest) or '0') then redis.call('SET', newest, text(message_at)) end
end
local lease_until = now + tonumber(ARGV[5])
redis.call('HSET', key, 'token', token, 'lease_until', text(lease_until))
move(kind, member, 'running', lease_until)
return {
  'granted', number(key, 'wanted'), number(key, 'attempt'), field(key, 'tracking_guid') or '',
  field(key, 'debug') or '', field(key, 'stamped_id') or '',
}
