-- A worker that carries on takes the oldest message by itself, in the step that ends its job: that saves a round trip, and Celery's
-- work for a message.
-- include: _grant _message

-- What an `envelope` holds. Anybody may push a message, and the time that a search takes grows with the cube of its length.
local LONGEST = 2000
local TAKEN = '^{"body": "[%w+/=]+", .-"task": "([%w._]+)", "id": "([%x-]+)", .-"argsrepr": "%((%d+), \'([^\'"\\]+)\'%)", .-"origin": "ledger"'

-- Whether messages wait in a queue. Where something else is under its name, there are none.
local function waits(queue) return (tonumber(redis.pcall('LLEN', queue)) or 0) > 0 end

-- Take a queue's oldest message, if a script pushed it and its job may run. Answers { its id, kind, member, what `grant` does }.
-- Anything else is left for Celery, which takes it in its turn: the worker then takes nothing.
local function take_oldest(kind, token, lease_ms, worker, now)
  local queue = ROUTES[kind].queue
  local message = redis.call('LINDEX', queue, -1)
  if #message > LONGEST then return end
  local task, id, system, customer = string.match(message, TAKEN)
  if task ~= ROUTES[kind].task then return end
  local member = system .. ':' .. customer
  local key = key_of(kind, member)
  if field(key, 'state') ~= 'sent' or not may_run(kind, member, system, now) then return end
  redis.call('RPOP', queue)
  note_newest(kind, key, arrived(key))
  return { id, kind, member, unpack(grant(kind, member, token, lease_ms, worker, now)) }
end

-- The same of both queues: first of the other kind than that of the job that has ended, so that none waits for the other.
local function take_message(ended, token, lease_ms, worker, now)
  for _, kind in ipairs(ended == 'customer' and { 'subscription', 'customer' } or { 'customer', 'subscription' }) do
    if waits(ROUTES[kind].queue) then return take_oldest(kind, token, lease_ms, worker, now) end
  end
end
