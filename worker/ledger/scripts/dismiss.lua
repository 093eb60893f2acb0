-- Forget refused notifications that somebody has read.
-- include: _events
-- KEYS   1 and 2 the sorted sets of refusals
-- ARGV   1 prefix  2 system id, '' if they name none  3 code  4 asker: see `note_event`  5 how many there are, in words, as JSON
--        6 and on: the refusals, as they are kept
-- Answer how many there were
local count = 0
for place = 6, #ARGV do
  for _, key in ipairs(KEYS) do count = count + redis.call('ZREM', key, ARGV[place]) end
end
if count > 0 then note_change({ system = ARGV[2], code = ARGV[3], outcome = 'dismissed', asker = ARGV[4], note = ARGV[5] }) end
return count
