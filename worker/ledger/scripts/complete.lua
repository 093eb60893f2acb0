-- End a job well, and hand over to the customer's subscription job in the same step.
-- include: _clock _job _store
-- KEYS   1 the job's hash  2 the subscription job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls made, as JSON by API
--        7 version  8 action  9 Stamped.io id  10 keep for ms
--        11 calls in full, as JSON
--        12 next: '' nothing | 'subscription' a subscription job is needed | 'unchanged' its outcome is known already
-- Answer { 1 if the claim held, { jobs to send }, 1 if a hold of the store ends }
local kind, member, token, version, next_step = ARGV[2], ARGV[3], ARGV[5], ARGV[7], ARGV[12]
local key, subscription, terms = KEYS[1], KEYS[2], terms_of(ARGV[4])
if not holds(key, token) then return { 0, {}, 0 } end
return_slots(kind, member, terms, cjson.decode(ARGV[6]))
note_attempt(kind, member, ARGV[8], '', ARGV[11])

local next_version = 0
if next_step ~= '' then
  local state = field(subscription, 'state')
  redis.call('HSET', subscription, 'stamped_id', ARGV[9])
  if next_step == 'unchanged' and (not state or state == 'done' or state == 'failed') then
    next_version = redis.call('HINCRBY', subscription, 'wanted', 1)
    redis.call('HSETNX', subscription, 'requested_at', text(now_ms()))
    redis.call('HSET', subscription, 'action', 'unchanged')
    if field(key, 'background') then redis.call('HSET', subscription, 'background', '1') end
    settle('subscription', member, text(next_version), 'done', ARGV[10])
    redis.call('HDEL', subscription, 'attempt', 'error', 'first_failed_at')
  else
    next_version = request(
      'subscription', member, field(key, 'tracking_guid') or '', false, field(key, 'debug') == '1',
      field(key, 'background') == '1'
    )
  end
end

redis.call('HSET', key, 'action', ARGV[8], 'next_version', text(next_version))
-- The id of a subscription job is its customer job's word: it may have come anew while this run went by the old one.
if kind == 'customer' or (field(key, 'stamped_id') or '') == '' then redis.call('HSET', key, 'stamped_id', ARGV[9]) end
redis.call('HDEL', key, 'attempt', 'error', 'first_failed_at', 'spared', 'begun')
settle(kind, member, version, 'done', ARGV[10])
local system = system_of(member)
local ended = prove(system, cjson.decode(ARGV[6]))
return { 1, admit(system, terms), ended }
