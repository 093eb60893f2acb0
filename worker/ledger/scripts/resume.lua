-- Let the jobs of a store go on that a person has paused.
-- include: _events
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 asker: see `note_event`
-- Answer 1, or 0 if it is not paused
-- First, and also if it is not paused: should this stop half-way, the pump looks in vain once, or a second resume lets it look.
look_again(ARGV[2], now_ms())
if redis.call('HDEL', prefix .. 'paused', ARGV[2]) == 0 then return 0 end
note_change({ system = ARGV[2], outcome = 'resumed', asker = ARGV[3] })
return 1
