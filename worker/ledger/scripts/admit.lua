-- Admit the jobs of a store that may run now.
-- include: _admit
-- KEYS   none
-- ARGV   1 prefix  2 system id  3 limits of the store
-- Answer ms until it is worth asking again, or -1 if time alone lets no job run. An error QUEUE if Redis takes no message

-- How long until a job can get all the slots that it needs: ms, or math.huge if other jobs must end first.
local function wait_for_slots(kind, member, system, limits, now)
  local wait = 0
  for api in pairs(limits.apis) do
    local lacking = needs_of(kind, member, api, limits) - free_slots(api, system, limits, now)
    if lacking > 0 then
      local last = redis.call('ZRANGE', slots_key(api, system), lacking - 1, lacking - 1, 'WITHSCORES')
      wait = math.max(wait, (tonumber(last[2]) or math.huge) - now)
    end
  end
  return wait
end

-- How long until the store may get another job: ms, or -1 if time alone lets none run: no job waits for its turn, or one
-- that is under way must end first, which admits.
local function wait_ms(system, limits)
  local now = now_ms()
  local kind, member = next_job(system, now)
  if not kind or not has_place(system, limits) then return -1 end
  local wait = wait_for_slots(kind, member, system, limits, now)
  if wait == math.huge then return -1 end
  return math.max(wait, number(store_key('hold', system), 'until') - now)
end

local limits = limits_of(ARGV[3])
local refused = admit(ARGV[2], limits)
if refused then return redis.error_reply('QUEUE ' .. refused) end
return wait_ms(ARGV[2], limits)
