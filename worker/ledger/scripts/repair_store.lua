-- Count the places and slots of a store that are nobody's and, if it acts, give them back.
-- include: _mending
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 limits of the store  4 acts 0|1  5 longest call in ms
-- Answer how many there are
--
-- More than any store lets run at once, and whatever that takes: a person has asked for it.
local LOOKS = 10000
return free_strays(ARGV[2], limits_of(ARGV[3]), now_ms(), tonumber(ARGV[5]), LOOKS, ARGV[4] == '1')
