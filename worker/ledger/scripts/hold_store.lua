-- Hold a store for trouble that no job has met: its subscription can't be read.
-- include: _store
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 limits of the store  4 api  5 the error as JSON, passed through  6 its code
--        7 pause: see `pause_of`  8 by which worker, as JSON
-- Answer 1 if it is news; 0 also if it is left alone: it is not known here, it is held already, for whatever a job met, or a job
--        has ended well within this time, so that others can read the subscription

-- How long a job that has ended well proves that.
local PROVED_MS = 60 * 1000

local system, now, hold_key = ARGV[2], now_ms(), store_key('hold', ARGV[2])
local is_of_job = redis.call('EXISTS', hold_key) == 1 and not field(hold_key, 'reading')
local proved_at = number(prefix .. 'last_done:customer', system)
if limits_of(ARGV[3]).unknown or is_of_job or (held_until(system) or 0) > now or proved_at + PROVED_MS > now then return 0 end
-- It may be that it never had a job.
redis.call('SADD', prefix .. 'systems', system)
local is_news = hold(system, ARGV[4], { ARGV[5], ARGV[6] }, pause_of(ARGV[7]), ARGV[8])
redis.call('HSET', hold_key, 'reading', '1')
return is_news
