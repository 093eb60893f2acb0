-- Note how far an initialize has come, and whom it has met. Noted twice (a cut connection), it stays the same.
-- include: _progress
-- KEYS   1 the hash of its progress
-- ARGV   1 token  2 position in the list  3 requested: how many customers until now  4 has it ended 0|1
--        5... the ids of the customers whom it has met since
-- Answer the hash, names and values in turn; { 'lost' } if there is none, nothing if another process owns it
local key, now = KEYS[1], now_ms()
if not field(key, 'token') then return { 'lost' } end
if field(key, 'token') ~= ARGV[1] then return {} end
for _, name in ipairs({ 'run', 'past' }) do
  local met = field(key, name)
  for index = 5, met and #ARGV or 0 do
    local ids = key .. ':met:' .. met .. ':' .. string.sub(ARGV[index], -4)
    redis.call('SADD', ids, ARGV[index])
    redis.call('PEXPIRE', ids, MET_KEPT_MS)
  end
end
-- The position comes behind whom it has met: if this stops between, the same page is read once more, and nobody on it twice. In
-- the other order whoever was on the page could be asked for again by the next catch-up.
redis.call('HSET', key, 'position', ARGV[2], 'requested', ARGV[3], 'moved_at', text(now))
if ARGV[4] == '1' then redis.call('HSETNX', key, 'ended_at', text(now)) end
return redis.call('HGETALL', key)
