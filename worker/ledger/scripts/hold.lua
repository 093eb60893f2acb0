-- Put a job back into its store's queue without using up an attempt, and hold the store for the error that it met.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls made, as JSON by API
--        7 error as JSON, or '' for none: it has no slot for another call, and keeps its place
--        8 the API that answered so  9 hold for ms  10 longest hold in ms
--        11 strikes before the store is held: how many jobs met the error since the API last answered well
--        12 how often a job may be spared an attempt, or 0 for ever
--        13 how often one job may begin a hold: beyond that the error is more likely its own than the store's
--        14 calls in full, as JSON
-- Answer { 1 if the job is spared, 0 if it must use an attempt, -1 if the claim is lost; { jobs to send };
--          1 if a hold begins }
local kind, member, terms = ARGV[2], ARGV[3], terms_of(ARGV[4])
local key, system, error, api = KEYS[1], system_of(ARGV[3]), ARGV[7], ARGV[8]
if not holds(key, ARGV[5]) then return { -1, {}, 0 } end

-- Whether the error is the store's: it has met several jobs, or the store is held for it already.
local function is_outage()
  if tonumber(ARGV[11]) <= 1 or redis.call('EXISTS', store_key('hold', system)) == 1 then return true end
  redis.call('SADD', store_key('strikes:' .. api, system), kind .. ':' .. member)
  return redis.call('SCARD', store_key('strikes:' .. api, system)) >= tonumber(ARGV[11])
end

-- Whether the job may still be spared an attempt.
local function is_spared()
  local spares = tonumber(ARGV[12])
  return redis.call('HINCRBY', key, 'spared', 1) <= spares or spares == 0
end

local begins = 0
if error ~= '' then
  if number(key, 'begun') >= tonumber(ARGV[13]) or not is_outage() then return { 0, {}, 0 } end
  begins = hold(system, api, error, tonumber(ARGV[9]), tonumber(ARGV[10]))
  if begins == 1 then redis.call('HINCRBY', key, 'begun', 1) end
  if not is_spared() then return { 0, {}, begins } end
  redis.call('HSET', key, 'error', error, 'queued_at', text(now_ms()))
end
return_slots(kind, member, terms, cjson.decode(ARGV[6]))
note_attempt(kind, member, error == '' and 'throttled' or 'held', error, ARGV[14])
redis.call('HDEL', key, 'losses')
enqueue(kind, member)
return { 1, admit(system, terms), begins }
