-- Admit the jobs of a store that may run now.
-- include: _clock _field _job _store
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 limits of the store
-- Answer { { jobs to send }, ms until it is worth asking again, or -1 if time alone lets no job run }
local limits = limits_of(ARGV[3])
return { admit(ARGV[2], limits), wait_ms(ARGV[2], limits) }
