-- Pause a store by a person's hand: its jobs wait until somebody resumes it. Those that run go on to their end.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 the pause as JSON { user, reason }  4 asker: see `note_event`  5 note, as JSON
-- Answer 1, or 0 if it is paused already
if redis.call('HEXISTS', prefix .. 'paused', ARGV[2]) == 1 then return 0 end
redis.call('SADD', prefix .. 'systems', ARGV[2])
redis.call('HSET', prefix .. 'paused', ARGV[2], text(now_ms()) .. ' ' .. ARGV[3])
note_change({ system = ARGV[2], outcome = 'paused', asker = ARGV[4], note = ARGV[5] })
return 1
