-- Put a job back into its store's queue without using up an attempt, and hold the store.
-- include: _clock _job _store
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 terms of the store  5 token  6 calls made, as JSON by API
--        7 error as JSON, or '' for none  8 code of the hold, or '' for none  9 hold for ms  10 longest hold in ms
--        11 strikes before the store is held: how many jobs in a row met the error
--        12 how often a job may be spared an attempt, or 0 for ever  13 calls in full, as JSON
-- Answer { 1 if the job is spared, 0 if it must use an attempt, -1 if the claim is lost; { jobs to send };
--          1 if a hold begins }
local kind, member, terms = ARGV[2], ARGV[3], terms_of(ARGV[4])
local key, system, code = KEYS[1], system_of(ARGV[3]), ARGV[8]
if not holds(key, ARGV[5]) then return { -1, {}, 0 } end

local begins = 0
if code ~= '' then
  local strikes = redis.call('HINCRBY', store_key('store', system), 'strikes', 1)
  if strikes < tonumber(ARGV[11]) and redis.call('EXISTS', store_key('hold', system)) == 0 then return { 0, {}, 0 } end
  local allowed = tonumber(ARGV[12])
  begins = hold(system, ARGV[7], tonumber(ARGV[9]), tonumber(ARGV[10]))
  if allowed > 0 and redis.call('HINCRBY', key, 'spared', 1) > allowed then return { 0, {}, begins } end
end
return_slots(kind, member, terms, cjson.decode(ARGV[6]))
note_attempt(kind, member, code == '' and 'throttled' or 'held', ARGV[7], ARGV[13])
if ARGV[7] ~= '' then redis.call('HSET', key, 'error', ARGV[7]) end
redis.call('HSET', key, 'queued_at', text(now_ms()))
redis.call('HDEL', key, 'losses')
enqueue(kind, member)
return { 1, admit(system, terms), begins }
