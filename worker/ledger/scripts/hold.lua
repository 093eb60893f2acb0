-- Weigh trouble of a whole store that a job met: hold the store and put the job back, or say what the job must do.
-- include: _ending
-- KEYS   1 the job's hash
-- ARGV   1 to 9: see `_ending`; the last call met the trouble
--        10 the job's error as JSON, passed through  11 its code  12 the hold's error as JSON, passed through  13 its code
--        14 pause: see `pause_of`  15 new 0|1  16 created: see `note_consent`
-- Answer { 1 if the claim held; {};
--          'requeued' it waits in its store's queue | 'rests' it must rest, at no cost | 'own' it must use an attempt;
--          1 if a hold begins; how often the job met trouble in a row; 1 if a hold ends }
--
-- The trouble is the job's own if the same call was answered well for another job since this one last met it. As long as
-- nobody gets through, it is the store's, however often and however long: no job fails for it.

local failure, pause, last = { ARGV[10], ARGV[11] }, pause_of(ARGV[14]), calls.all[#calls.all]
local api = api_of(last)
local call = api .. ' ' .. last[2] .. ' ' .. last[3]

-- The mark is compared before it is moved: what got through since the last time counts, not what did before.
local known = number(store_key('store', system), 'well ' .. call)
local is_own = pause.limit == 0 and field(key, 'met_call') == call and known > number(key, 'met_mark')
redis.call('HSET', key, 'met_call', call, 'met_mark', text(known))
if is_own then
  redis.call('HDEL', key, 'met')
  return { 1, {}, 'own', 0, 0, 0 }
end

local met = redis.call('HINCRBY', key, 'met', 1)
-- A set, and no count: one job that meets the trouble again and again must not hold the store for all.
redis.call('SADD', store_key('strikes:' .. api, system), kind .. ':' .. member)
local is_held = redis.call('EXISTS', store_key('hold', system)) == 1 and not ends_hold(system, calls)
if not is_held and redis.call('SCARD', store_key('strikes:' .. api, system)) < pause.strikes then
  return { 1, {}, 'rests', 0, met, 0 }
end
-- First what earlier calls of the job end, of the other API: the hold that begins now must not end by them.
local ended = store_answered(system, calls)
local begins = hold(system, api, { ARGV[12], ARGV[13] }, pause, worker)
redis.call('HSET', key, 'error', failure[1], 'code', failure[2], 'queued_at', text(now_ms()), 'was_held', '1')
end_attempt('held', failure)
note_consent(key, ARGV[15], ARGV[16])
redis.call('HDEL', key, 'losses')
enqueue(kind, member)
admit(system, limits)
return { 1, {}, 'requeued', begins, met, ended }
