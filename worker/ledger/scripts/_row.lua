-- One job: a hash, and its place in the index of its state.
-- include: _clock _field
--   <prefix>job:<kind>:<member>    hash; member is <system_id>:<customer_id>
--   <prefix><state>:<kind>:<system_id>   sorted set of members, by the time that matters to the state:
--     queued   its place in the queue           sent     when its message was sent
--     running  when its lease runs out          waiting  when the sweeper must bring it back
--     done, failed  when it ended
--   <prefix>recent:<kind>:<system_id>    every member, by when it last changed
--   <prefix>code:<kind>:<system_id>:<code>   the failed members with that error, by when they failed
--   <prefix>codes:<kind>           set of <system_id>:<code>, whose sorted sets these are
--   <prefix>last_done:<kind>       hash, by system id, of when a job last ended well
--   <prefix>totals                 hash of counts that only grow, for the metrics: names and labels joined by |
--   <prefix>history:<kind>:<member>   list of attempts that an earlier release has kept; now they are events: see _events.lua
--   <prefix>newest:<kind>          when the newest message that has been started was sent
--   <prefix>due                    sorted set of the stores that the pump must look at, by when
-- The hash counts in `messages` those of its messages that may still be on their way; without the field there is none.
--
-- None of these keys expires by itself: the sweep alone forgets, so that a row and its places go together.
-- Scripts get codes and numbers as arguments. What an API said is passed through as it came, and never decoded here: a text
-- from outside must not be able to stop a script between two of its writes.
local prefix = ARGV[1]

local function system_of(member) return string.match(member, '^(%d+):') end

local function key_of(kind, member) return prefix .. 'job:' .. kind .. ':' .. member end

local function history_of(kind, member) return prefix .. 'history:' .. kind .. ':' .. member end

local function index_of(state, kind, system) return prefix .. state .. ':' .. kind .. ':' .. system end

local function store_key(name, system) return prefix .. name .. ':' .. system end

-- Let the pump look at a store at that time.
local function look_again(system, at) redis.call('ZADD', prefix .. 'due', text(at), system) end

local function count_up(name, by) redis.call('HINCRBY', prefix .. 'totals', name, text(by)) end

-- Whatever ends a version ends what was noted for it: see `note_new`.
local function forget_new(key, version)
  if number(key, 'is_new') <= tonumber(version) then redis.call('HDEL', key, 'is_new') end
end

-- Whether `token` still holds the job.
local function owns(key, token)
  local state, owner = fields(key, 'state', 'token')
  return state == 'running' and owner == token
end
