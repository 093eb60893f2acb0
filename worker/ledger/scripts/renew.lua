-- Keep a claim for one more call, and take a slot for a call that goes beyond those of the job.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 lease in ms
--        7 API of a call that needs a slot more, or ''
-- Answer 'held', 'lost', or 'throttled' where there is no slot
local kind, member, api = ARGV[2], ARGV[3], ARGV[7]
local key, now, terms = KEYS[1], now_ms(), terms_of(ARGV[4])
if not holds(key, ARGV[5]) then return 'lost' end
local lease_until = now + tonumber(ARGV[6])
redis.call('HSET', key, 'lease_until', text(lease_until))
redis.call('ZADD', index_of('running', kind, member), text(lease_until), member)
if api == '' then return 'held' end

local system, slots = system_of(member), cjson.decode(field(key, 'slots'))
local taken = slots[api]
if not taken then return 'held' end
redis.call('HSET', key, 'needs', cjson.encode({ [api] = #taken + 1 }))
if free_slots(api, system, terms, now) < 1 then return 'throttled' end
taken[#taken + 1] = take_slot(api, system)
redis.call('HSET', key, 'slots', cjson.encode(slots))
return 'held'
