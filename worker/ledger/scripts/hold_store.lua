-- Hold a store for trouble that no job has met: its subscription can't be read.
-- include: _store
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 api  4 the error as JSON, passed through  5 its code  6 ms  7 the longest ms
--        8 by which worker, as JSON
-- Answer 1 if it is news; 0 also if the store is held already
local system = ARGV[2]
if (held_until(system) or 0) > now_ms() then return 0 end
-- It may be that it never had a job.
redis.call('SADD', prefix .. 'systems', system)
local is_news = hold(system, ARGV[3], { ARGV[4], ARGV[5] }, tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], false)
redis.call('HSET', store_key('hold', system), 'reading', '1')
return is_news
