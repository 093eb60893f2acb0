-- What the scripts that end a claim share. Their first arguments are
--   ARGV   1 prefix  2 kind  3 member  4 limits of the store  5 token  6 calls: see `calls_of`
--          7 token of the claim with which the worker carries on, '' if it does not  8 lease of that claim in ms
--          9 'others' if the store's turn is over: it goes on only if no message waits
--   last three   the attempt's shape: a short name, '' if no call was made, and the same as JSON; the worker's name, as JSON,
--          and the fingerprint of the configuration that the job was run by in it
-- and they answer { 0 } if the claim is lost.
-- include: _admit _grant _take_message _attempt
local key, kind, member, limits, calls = KEYS[1], ARGV[2], ARGV[3], limits_of(ARGV[4]), calls_of(ARGV[6])
local system, worker, attempt = system_of(member), ARGV[#ARGV], attempt_of(key)
local asker = attempt.asker

-- Before anything is written: the job may be another worker's by now, and its row and slots are that one's.
if not (attempt.state == 'running' and attempt.token == ARGV[5]) then return { 0 } end

-- End the attempt. The slots go back first: whatever stops the script behind that, the sweep still finds the job by its lease,
-- and the store is not short of slots until then.
local function end_attempt(outcome, failure, stamped)
  return_slots(kind, member, limits, attempt.slots, calls)
  attempt.by, attempt.stamped, attempt.shape = worker, stamped or attempt.stamped, { ARGV[#ARGV - 2], ARGV[#ARGV - 1] }
  note_attempt(kind, member, outcome, failure, calls, attempt)
end

-- Grant the store's next job to the worker that carries on, if it may run now: that costs no message. Answers as `carry_on`, and
-- whether it took the store's last place.
local function grant_next(now)
  local job, due = next_ready(system, limits, now)
  if not job then
    note_due(system, limits, due)
    return
  end
  take(job, system, limits, now)
  return { '', job.kind, job.member, unpack(grant(job.kind, job.member, ARGV[7], tonumber(ARGV[8]), worker, now)) }, job.is_last
end

-- Let the store's next jobs run, and grant one to the worker that ended this one, if it carries on: the store's, or that of the
-- oldest message, whichever's turn it is. Answers { id of the message, '' for none, kind, member, what `grant` does }, or
-- nothing in it.
local function carry_on()
  local now = now_ms()
  -- What waits in front is for Celery, and soon: then the worker's thread is to be free.
  local goes_on = ARGV[7] ~= '' and not waits(FRONT)
  local is_stores_turn = goes_on and not (ARGV[9] == 'others' and (waits(ROUTES.customer.queue) or waits(ROUTES.subscription.queue)))
  local claim, was_last
  if is_stores_turn then claim, was_last = grant_next(now) end
  if not is_stores_turn or claim and not was_last then admit(system, limits) end
  return claim or goes_on and take_message(kind, ARGV[7], tonumber(ARGV[8]), worker, now) or {}
end
