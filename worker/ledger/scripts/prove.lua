-- Try commands, and undo them in the same step, so that nobody ever sees what they did.
-- KEYS   none: like the other scripts it makes up its keys
-- ARGV   1 JSON list of trials, each a list of commands with their arguments
-- Answer for each trial that was refused: its place and its command's, from 1, and what Redis said
local refused = {}
for place, trial in ipairs(cjson.decode(ARGV[1])) do
  for step, command in ipairs(trial) do
    local answer = redis.pcall(unpack(command))
    if type(answer) == 'table' and answer.err then
      refused[#refused + 1] = { place, step, answer.err }
      -- The next command may undo this one. What was not done must not be undone: it would take somebody else's element.
      break
    end
  end
end
return refused
