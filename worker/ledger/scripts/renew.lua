-- Keep a claim for one more call, and take a slot for a call that goes beyond those of the job.
-- include: _throttle
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 limits of the store  5 token  6 lease in ms
--        7 API of a call that needs a slot more, or ''  8 writes 0|1: the call changes something
-- Answer 'held', 'lost', or 'throttled' if there is no slot, or the store's limits are not known here any more
local kind, member, api = ARGV[2], ARGV[3], ARGV[7]
local key, system, now, limits = KEYS[1], system_of(ARGV[3]), now_ms(), limits_of(ARGV[4])
local state, owner, noted = fields(key, 'state', 'token', 'slots')
if not (state == 'running' and owner == ARGV[5]) then return 'lost' end
-- The lease before the slot: if there is none the job still owns its claim, with which it puts itself back.
local lease_until = now + tonumber(ARGV[6])
redis.call('ZADD', index_of('running', kind, system), text(lease_until), member)
redis.call('HSET', key, 'lease_until', text(lease_until))

local slots = slots_in(noted)
if limits.unknown and slots[api] then return 'throttled' end
local taken = limits.apis[api] and slots[api]
if taken then
  -- Noted before the slot is asked for: put back without one, it waits until it gets all that it needs, and does not come again
  -- only to be put back.
  redis.call('HSET', key, 'needs', api .. '=' .. #taken + 1)
  if free_slots(api, system, limits, now) < 1 then return 'throttled' end
  taken[#taken + 1] = take_slots_of(api, system, limits, 1, now)[1]
  note_slots(key, slots)
end
-- A new customer is subscribed by this call, whatever becomes of its worker and of its answer: whoever unsubscribes from now
-- on has done so. Better that nobody is subscribed than somebody who has ended it.
if kind == 'subscription' and ARGV[8] == '1' then forget_new(key, number(key, 'claimed')) end
return 'held'
