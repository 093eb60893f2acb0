-- Look which stores there are, and at what belongs to none of them; this changes nothing.
-- include: _clock _field
-- KEYS   1 the set of the stores' system ids  2 the hash of the totals  3 the hash of when each upkeep was last done
--        4 and on: the lists of refused notifications
-- ARGV   the broker's queues
-- Answer JSON { now: in ms, swept_at: in ms, if ever, systems: true by system id,
--          totals: the hash, queues: the length of each, refusals: how many are listed }. An error QUEUE if a queue is no list
--
-- JSON, because a client reads one text far faster than many answers.
local found = { now = now_ms(), swept_at = field(KEYS[3], 'sweep'), systems = {}, totals = {}, queues = {}, refusals = 0 }
for _, system in ipairs(redis.call('SMEMBERS', KEYS[1])) do found.systems[system] = true end
local totals = redis.call('HGETALL', KEYS[2])
for place = 1, #totals, 2 do found.totals[totals[place]] = totals[place + 1] end
for place = 4, #KEYS do found.refusals = found.refusals + redis.call('ZCARD', KEYS[place]) end
for _, queue in ipairs(ARGV) do
  local length = redis.pcall('LLEN', queue)
  if type(length) == 'table' then
    return string.find(length.err, 'WRONGTYPE') and redis.error_reply('QUEUE ' .. length.err) or length
  end
  found.queues[queue] = length
end
return cjson.encode(found)
