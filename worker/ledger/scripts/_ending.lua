-- What the scripts that end a claim share. Their first arguments are
--   ARGV   1 prefix  2 kind  3 member  4 limits of the store  5 token  6 calls: see `calls_of`
-- and they answer { 0 } if the claim is lost.
-- include: _admit
local key, kind, member, limits, calls = KEYS[1], ARGV[2], ARGV[3], limits_of(ARGV[4]), calls_of(ARGV[6])
local system = system_of(member)

-- Before anything is written: the job may be another worker's by now, and its row and slots are that one's.
if not owns(key, ARGV[5]) then return { 0 } end

-- End the attempt. The slots go back first: whatever stops the script behind that, the sweep still finds the job by its lease,
-- and the store is not short of slots until then.
local function end_attempt(outcome, failure)
  return_slots(kind, member, limits, calls)
  note_attempt(kind, member, outcome, failure, calls)
end
