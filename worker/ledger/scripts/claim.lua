-- Take a job for one worker. Asked twice with the same token (a cut connection), it is granted twice.
-- include: _grant _request
-- KEYS   1 the job's hash
-- ARGV   1 prefix  2 kind  3 member  4 limits of the store  5 token  6 lease in ms
--        7 tolerance in ms: how far clocks may differ  8 worker's name, as JSON
-- Answer what `grant` does, or { why not: 'unknown' | 'queued' | 'running' | 'waiting' | 'done' | 'failed' }
local kind, member, token = ARGV[2], ARGV[3], ARGV[5]
local key, now, limits = KEYS[1], now_ms(), limits_of(ARGV[4])
local system, state = system_of(member), field(KEYS[1], 'state')
if not state then return { 'unknown' } end
local others = arrived(key)

-- A retry takes its slots only now: for hours of rest they would have been nobody else's. If there are none, it waits in turn.
local is_due = state == 'waiting' and number(key, 'due') <= now + tonumber(ARGV[7])
if is_due then
  local held, needs = held_until(system), needs_of(kind, field(key, 'needs'), limits)
  local may_start = (held or 0) <= now and free_places(system, limits, held) > 0
  if not (may_start and wait_for_slots(needs, system, limits, now) <= 0) then
    redis.call('HSET', key, 'queued_at', text(now))
    enqueue(kind, member)
    return { 'queued' }
  end
  take({ kind = kind, member = member, needs = needs, is_probe = held ~= nil }, system, limits, now)
end
-- Its store was held after the message was sent, or is not known here: the slots go back unused, and the job keeps its place.
if state == 'sent' and (limits.unknown or not may_run(kind, member, system, now)) then
  return_slots(kind, member, limits, field(key, 'slots'), NO_CALLS)
  if limits.unknown then leave(kind, member, system, now) else enqueue(kind, member) end
  return { 'queued' }
end
-- Owned by this token: the answer to the first try was lost on the way, and the client sent the script once more.
if not (state == 'sent' or is_due or owns(key, token)) then return { state } end

if state == 'sent' then note_newest(kind, key, others) end
return grant(kind, member, token, tonumber(ARGV[6]), ARGV[8], now)
