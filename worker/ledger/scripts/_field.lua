-- Fields of a hash, and times and counts as the text that they are kept as: Lua alone would write 1.8e+12.
local function text(number) return string.format('%d', number) end

local function field(key, name) return redis.call('HGET', key, name) or nil end

-- Several fields at once; false for one that is not there.
local function fields(key, ...) return unpack(redis.call('HMGET', key, ...)) end

local function number(key, name) return tonumber(field(key, name) or '0') or 0 end
