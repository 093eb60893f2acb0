-- Compare some places in a list with their jobs' rows and, if it acts, take out those that are no job's.
-- include: _job
-- KEYS   1 the list
-- ARGV   1 prefix  2 kind  3 acts 0|1  4 the list's state, 'recent', or '' for a list by code  5 system id
--        6 and on: members
-- Answer how many were no job's
local kind, acts, list, system, found = ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5], 0
for _, member in ipairs({ unpack(ARGV, 6) }) do
  local state = field(key_of(kind, member), 'state')
  local is_right = state and (list == 'recent' or state == (list == '' and 'failed' or list))
  if not is_right then
    found = found + 1
    if acts then
      redis.call('ZREM', KEYS[1], member)
      if list ~= 'recent' and list ~= '' then take_out(kind, system, member, list) end
    end
  end
end
return found
