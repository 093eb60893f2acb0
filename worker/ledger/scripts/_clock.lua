-- Milliseconds since 1970 by Redis' own clock, the only clock of the ledger. A script is one moment: it asks once.
local TIME = redis.call('TIME')
local NOW_MS = TIME[1] * 1000 + math.floor(TIME[2] / 1000)

local function now_ms() return NOW_MS end
