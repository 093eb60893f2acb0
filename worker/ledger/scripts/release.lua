-- End the hold of a store, by an operator's hand.
-- include: _row
-- KEYS   none
-- ARGV   1 prefix  2 system id
-- Answer 1, or 0 if the store is not held
look_again(ARGV[2], now_ms())
return redis.call('DEL', store_key('hold', ARGV[2]))
