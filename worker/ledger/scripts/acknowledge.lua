-- Note that somebody knows of a group of failed jobs, or withdraw that.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 kind  3 system id  4 code  5 what is noted, as JSON { user, text }; '' to withdraw it
--        6 asker: see `note_event`  7 the text alone, as JSON
-- Answer 1, or 0 if there is nothing to withdraw
local notes, group = prefix .. 'notes', table.concat({ ARGV[2], ARGV[3], ARGV[4] }, ':')
if ARGV[5] == '' then
  if redis.call('HDEL', notes, group) == 0 then return 0 end
else
  redis.call('HSET', notes, group, text(now_ms()) .. ' ' .. ARGV[5])
end
note_change({
  kind = ARGV[2], system = ARGV[3], code = ARGV[4], outcome = ARGV[5] == '' and 'withdrawn' or 'acknowledged', asker = ARGV[6],
  note = ARGV[7],
})
return 1
