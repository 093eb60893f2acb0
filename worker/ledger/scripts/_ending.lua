-- What the scripts that end a claim share. Their first arguments are
--   ARGV   1 prefix  2 kind  3 member  4 limits of the store  5 token  6 calls: see `calls_of`
--          7 token of the claim with which the worker carries on, '' if it does not  8 lease of that claim in ms
-- and they answer { 0 } if the claim is lost.
-- include: _admit _grant _attempt
local key, kind, member, limits, calls = KEYS[1], ARGV[2], ARGV[3], limits_of(ARGV[4]), calls_of(ARGV[6])
local system, state, owner, worker = system_of(member), fields(key, 'state', 'token', 'worker')

-- Before anything is written: the job may be another worker's by now, and its row and slots are that one's.
if not (state == 'running' and owner == ARGV[5]) then return { 0 } end

-- End the attempt. The slots go back first: whatever stops the script behind that, the sweep still finds the job by its lease,
-- and the store is not short of slots until then.
local function end_attempt(outcome, failure)
  return_slots(kind, member, limits, calls)
  note_attempt(kind, member, outcome, failure, calls)
end

-- How many messages wait for a worker; of a queue whose name something else has, none.
local function messages_waiting()
  local count = 0
  for _, queue in ipairs({ FRONT, ROUTES.customer.queue, ROUTES.subscription.queue }) do
    count = count + (tonumber(redis.pcall('LLEN', queue)) or 0)
  end
  return count
end

-- Let the store's next jobs run. The first of them is granted to the worker that ended this one, if it carries on: that costs
-- no message and no claim. Answers { messages that wait for a worker, kind, member, what `grant` does }, or nothing in it.
local function carry_on()
  local claim = {}
  if ARGV[7] ~= '' then
    local now = now_ms()
    local next_kind, next_member, due = next_ready(system, limits, now)
    if not next_kind then
      note_due(system, due)
      return claim
    end
    take(next_kind, next_member, system, limits, now)
    local granted = grant(next_kind, next_member, ARGV[7], tonumber(ARGV[8]), worker, now)
    claim = { messages_waiting(), next_kind, next_member, unpack(granted) }
  end
  admit(system, limits)
  return claim
end
