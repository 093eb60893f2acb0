-- Ask for a job: a trigger, a manual sync or a re-run.
-- include: _clock _job
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 tracking guid  5 urgent 0|1  6 debug 0|1
-- Answer { wanted version, 1 if a message is owed }
local version, owed = request(ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1', ARGV[6] == '1')
return { version, owed }
