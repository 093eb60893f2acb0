-- End a job well, and hand over to the customer's subscription job in the same step.
-- include: _ending
-- KEYS   1 the job's hash
-- ARGV   1 to 9: see `_ending`
--        10 version  11 action  12 Stamped.io id
--        13 next: '' nothing | 'subscription' a subscription job is needed | 'unchanged' or 'kept' its outcome is known already:
--           the state is the mapped one, or another that stays
--        14 new 0|1: see `note_new`
--        15 shared: another customer's id that the Stamped.io id is linked to, '' for none, '-' if nobody looked
-- Answer { 1 if the claim held, what `carry_on` does, 1 if a hold of the store ends }
local version, next_step, subscription = ARGV[10], ARGV[13], key_of('subscription', member)
end_attempt(ARGV[11], nil, ARGV[12])

-- The hand-over comes before the job is settled: if the script stopped between the two, the job would run once more, and hand
-- over then; in the other order the subscription job would be lost.
local next_version = 0
if next_step ~= '' then
  local state = field(subscription, 'state')
  local has_ended = not state or state == 'done' or state == 'failed'
  local written = { 'stamped_id', ARGV[12], 'written_at', text(now_ms()) }
  if next_step ~= 'subscription' and has_ended then
    next_version = redis.call('HINCRBY', subscription, 'wanted', 1)
    redis.call('HSETNX', subscription, 'requested_at', text(now_ms()))
    settle('subscription', member, text(next_version), 'done', { 'action', 'unchanged', unpack(written) })
  else
    redis.call('HSET', subscription, unpack(written))
    -- Before the request, which makes the version that this is for.
    if next_step == 'subscription' then note_new(subscription, ARGV[14], number(subscription, 'wanted') + 1) end
    -- Whoever is as mapped has nothing to come any more, and may unsubscribe from now on.
    if next_step == 'unchanged' then redis.call('HDEL', subscription, 'is_new') end
    next_version = request(
      'subscription', member, field(key, 'tracking_guid') or '', field(key, 'background') and 'background' or 'job',
      field(key, 'debug') == '1', asker or 'trigger'
    )
  end
end

local result, over = { 'action', ARGV[11] }, {}
if next_version > 0 then
  result = { 'next_version', text(next_version), unpack(result) }
else
  over = { 'next_version' }
end
-- The id of a subscription job is its customer job's word: it may have come anew while this run went by the old one.
if kind == 'customer' or (field(key, 'stamped_id') or '') == '' then result = { 'stamped_id', ARGV[12], unpack(result) } end
if string.match(ARGV[15], '^%d+$') then result = { 'shared_with', ARGV[15], unpack(result) } end
if ARGV[15] == '' then over[#over + 1] = 'shared_with' end
settle(kind, member, version, 'done', result, over)
-- Last of all: the answers may end the store's hold, and the place is free, so that the next jobs are sent at once.
local ended = store_answered(system, calls)
return { 1, carry_on(), ended }
