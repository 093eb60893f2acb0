-- The message that wakes a worker for a job. It is pushed onto Celery's queue in the step that admits the job, so no crash falls
-- between the two. It is what Celery's own publisher writes; a test compares them for the locked versions.
-- include: _store _routes
--   ROUTES   the task and the queue of each kind's jobs; FRONT the queue that is always short: `worker.ledger.scripting` makes
--            the piece `_routes` of worker/jobs/routes.py
local BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

-- A text whose length is a multiple of three, in base64.
local function base64(text)
  return (string.gsub(text, '...', function(three)
    local first, second, third = string.byte(three, 1, 3)
    local bits, coded = first * 65536 + second * 256 + third, ''
    for _ = 1, 4 do
      local digit = bits % 64
      coded, bits = string.sub(BASE64, digit + 1, digit + 1) .. coded, (bits - digit) / 64
    end
    return coded
  end))
end

-- The end of every body, in base64: no arguments by name, and nothing that is to follow the task.
local BODY_END = 'XSwge30sIHsiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwgImNoYWluIjogbnVsbCwgImNob3JkIjogbnVsbH1d'

-- The arguments are filled with blanks up to a multiple of three, so that only they need to be coded.
local function body_of(system, customer)
  local args = '[[' .. system .. ', "' .. customer .. '"'
  return base64(args .. string.rep(' ', -#args % 3)) .. BODY_END
end

-- An id in the form of a UUID. No two messages have the same turn of a store at the same time.
local function new_id(system, now)
  local hex = redis.sha1hex(table.concat({ prefix, system, text(number(store_key('store', system), 'turn')), text(now) }, ' '))
  return table.concat({ hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20), hex:sub(21, 32) }, '-')
end

-- Put together only when it is needed: most scripts push no message.
local function envelope()
  return '{"body": "$body", "content-encoding": "utf-8", "content-type": "application/json", '
  .. '"headers": {"lang": "py", "task": "$task", "id": "$id", "shadow": null, "eta": null, "expires": null, '
  .. '"group": null, "group_index": null, "retries": 0, "timelimit": [null, null], "root_id": "$id", "parent_id": null, '
  .. '"argsrepr": "$args", "kwargsrepr": "{}", "origin": "ledger", "ignore_result": null, '
  .. '"replaced_task_nesting": 0, "stamped_headers": null, "stamps": {}}, '
  .. '"properties": {"correlation_id": "$id", "reply_to": "", "delivery_mode": 2, '
  .. '"delivery_info": {"exchange": "", "routing_key": "$queue"}, "priority": 0, "body_encoding": "base64", '
  .. '"delivery_tag": "$id"}}'
end

-- Answers why Redis does not take it, if it does not: something else is under the queue's name, or our user may not write there.
local function push_message(kind, member, system, now)
  local customer = string.sub(member, #system + 2)
  local queue = field(key_of(kind, member), 'debug') and FRONT or ROUTES[kind].queue
  local message = string.gsub(envelope(), '$(%a+)', {
    body = body_of(system, customer),
    task = ROUTES[kind].task,
    id = new_id(system, now),
    args = '(' .. system .. ", '" .. customer .. "')",
    queue = queue,
  })
  local answer = redis.pcall('LPUSH', queue, message)
  return type(answer) == 'table' and answer.err or nil
end
