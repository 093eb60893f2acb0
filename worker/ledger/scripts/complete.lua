-- End a job well, and hand over to the customer's subscription job in the same step.
-- include: _clock _job _store
-- KEYS   1 the job's hash  2 the subscription job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls: see `calls_of`
--        7 version  8 action  9 Stamped.io id
--        10 next: '' nothing | 'subscription' a subscription job is needed | 'unchanged' or 'kept' its outcome is known already:
--           the state is the mapped one, or another that stays
--        11 new 0|1: see `note_new`
--        12 shared: another customer's id that the Stamped.io id is linked to, '' for none, '-' where nobody looked
-- Answer { 1 if the claim held, { jobs to send }, 1 if a hold of the store ends }
local kind, member, token, version, next_step = ARGV[2], ARGV[3], ARGV[5], ARGV[7], ARGV[10]
local key, subscription, terms, calls = KEYS[1], KEYS[2], terms_of(ARGV[4]), calls_of(ARGV[6])
local system = system_of(member)
if not owns(key, token) then return { 0, {}, 0 } end
return_slots(kind, member, terms, calls)
note_attempt(kind, member, ARGV[8], nil, calls)

local next_version = 0
if next_step ~= '' then
  local state = field(subscription, 'state')
  redis.call('HSET', subscription, 'stamped_id', ARGV[9], 'written_at', text(now_ms()))
  if next_step == 'subscription' then note_new(subscription, ARGV[11], number(subscription, 'wanted') + 1) end
  -- Whoever is as mapped has nothing to come any more, and may unsubscribe from now on.
  if next_step == 'unchanged' then redis.call('HDEL', subscription, 'is_new') end
  local has_ended = not state or state == 'done' or state == 'failed'
  if next_step ~= 'subscription' and has_ended then
    next_version = redis.call('HINCRBY', subscription, 'wanted', 1)
    redis.call('HSETNX', subscription, 'requested_at', text(now_ms()))
    redis.call('HSET', subscription, 'action', 'unchanged')
    settle('subscription', member, text(next_version), 'done')
  else
    next_version = request(
      'subscription', member, field(key, 'tracking_guid') or '', field(key, 'background') and 'background' or 'job',
      field(key, 'debug') == '1'
    )
  end
end

redis.call('HSET', key, 'action', ARGV[8], 'next_version', text(next_version))
-- The id of a subscription job is its customer job's word: it may have come anew while this run went by the old one.
if kind == 'customer' or (field(key, 'stamped_id') or '') == '' then redis.call('HSET', key, 'stamped_id', ARGV[9]) end
if ARGV[12] == '' then redis.call('HDEL', key, 'shared_with') end
if string.match(ARGV[12], '^%d+$') then redis.call('HSET', key, 'shared_with', ARGV[12]) end
settle(kind, member, version, 'done')
local ended = prove(system, calls)
return { 1, admit(system, terms), ended }
