-- Weigh trouble of a whole store that a job met: hold the store and put the job back, or say what the job must do.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls: see `calls_of`; the last one met the trouble
--        7 the job's error as JSON, passed through  8 its code  9 the hold's error as JSON, passed through  10 its code
--        11 hold for ms  12 longest hold in ms
--        13 strikes before the store is held: how many jobs met the trouble since the API last answered well
--        14 can be the job's own 0|1  15 new 0|1  16 created: see `note_consent`
-- Answer { 'spared' it waits in its store's queue | 'rests' it must rest, at no cost | 'own' it must use an attempt | 'lost';
--          { jobs to send }; 1 if a hold begins; how often the job met trouble in a row; 1 if a hold ends }
--
-- The trouble is the job's own where the same call was answered well for another job since this one last met it. As long as
-- nobody gets through, it is the store's, however often and however long: no job fails for it.
local kind, member, terms, calls = ARGV[2], ARGV[3], terms_of(ARGV[4]), calls_of(ARGV[6])
local key, system, failure = KEYS[1], system_of(ARGV[3]), { ARGV[7], ARGV[8] }
if not owns(key, ARGV[5]) then return { 'lost', {}, 0, 0, 0 } end
local last = calls.made[#calls.made]
local api = api_of(last)
local call = api .. ' ' .. last[2] .. ' ' .. last[3]
local store, name = store_key('store', system), kind .. ':' .. member

local known = number(store, 'well ' .. call)
local is_own = ARGV[14] == '1' and field(key, 'met_call') == call and known > number(key, 'met_mark')
redis.call('HSET', key, 'met_call', call, 'met_mark', text(known))
if is_own then
  redis.call('HDEL', key, 'met')
  return { 'own', {}, 0, 0, 0 }
end

local met = redis.call('HINCRBY', key, 'met', 1)
redis.call('SADD', store_key('strikes:' .. api, system), name)
local is_held = redis.call('EXISTS', store_key('hold', system)) == 1 and not ends_hold(system, calls)
if not is_held and redis.call('SCARD', store_key('strikes:' .. api, system)) < tonumber(ARGV[13]) then
  return { 'rests', {}, 0, met, 0 }
end
local ended = prove(system, calls)
local begins = hold(system, api, { ARGV[9], ARGV[10] }, tonumber(ARGV[11]), tonumber(ARGV[12]))
redis.call('HSET', key, 'error', failure[1], 'code', failure[2], 'queued_at', text(now_ms()), 'spared', '1')
return_slots(kind, member, terms, calls)
note_attempt(kind, member, 'held', failure, calls)
note_consent(key, ARGV[15], ARGV[16])
redis.call('HDEL', key, 'losses')
enqueue(kind, member)
return { 'spared', admit(system, terms), begins, met, ended }
