-- Ask for a job: a trigger, a person (a manual sync, a re-run) or, in the background, an initialize.
-- include: _admit
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 limits of the store  5 tracking guid
--        6 by whom: 'trigger' | 'person' | 'background'  7 debug 0|1  8 asker: see `note_event` in _events.lua
-- Answer { the wanted version; 1 if a run that is to begin anyway does for it too }
local limits = limits_of(ARGV[4])
local version, is_coalesced = request(ARGV[2], ARGV[3], ARGV[5], ARGV[6], ARGV[7] == '1', ARGV[8])
admit(system_of(ARGV[3]), limits)
return { version, is_coalesced and 1 or 0 }
