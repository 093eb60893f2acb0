-- End a job well, and hand over to the customer's subscription job in the same step.
-- include: _clock _job
-- KEYS   1 the job's hash  2 the subscription job's hash
-- ARGV   1 prefix  2 kind  3 member  4 token  5 version  6 action  7 Stamped.io id  8 keep for ms
--        9 next: '' nothing | 'subscription' a subscription job is needed | 'unchanged' its outcome is known already
-- Answer { 1 if the claim held, 1 if a message is owed, 1 if the subscription job's message is owed }
local kind, member, token, version, next_step = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[9]
local key, subscription = KEYS[1], KEYS[2]
if not holds(key, token) then return { 0, 0, 0 } end

local next_version, next_owed = 0, 0
if next_step ~= '' then
  local state = field(subscription, 'state')
  redis.call('HSET', subscription, 'stamped_id', ARGV[7])
  if next_step == 'unchanged' and (not state or state == 'done' or state == 'failed') then
    next_version = redis.call('HINCRBY', subscription, 'wanted', 1)
    redis.call('HSETNX', subscription, 'requested_at', text(now_ms()))
    redis.call('HSET', subscription, 'action', 'unchanged')
    redis.call('HDEL', subscription, 'attempt', 'error', 'first_failed_at')
    settle('subscription', member, text(next_version), 'done', ARGV[8])
  else
    next_version, next_owed = request('subscription', member, field(key, 'tracking_guid') or '', false,
      field(key, 'debug') == '1')
  end
end

redis.call('HSET', key, 'action', ARGV[6], 'next_version', text(next_version))
-- The id of a subscription job is its customer job's word: it may have come anew while this run went by the old one.
if kind == 'customer' or (field(key, 'stamped_id') or '') == '' then redis.call('HSET', key, 'stamped_id', ARGV[7]) end
redis.call('HDEL', key, 'attempt', 'error', 'first_failed_at')
return { 1, settle(kind, member, version, 'done', ARGV[8]), next_owed }
