-- What wrk sends. Arguments behind "--":
--   create TOKEN FIRST         POST /phone_numbers; number FIRST and up, a range of its own a thread
--   get TOKEN FIRST LAST [MS]  GET /phone_numbers/{id} for random ids; each connection waits up to MS before
--   login USERNAME PASSWORD    POST /auth/login
--   mixed TOKEN FIRST MS       creates, reads, lists, updates, releases and claims; each connection waits up to MS
-- At the end one line of JSON. A reply to a create that is not 200 is counted here; for the rest wrk counts
-- what is over 399 by itself, which leaves it more of its core.

local threads = {}

function setup(thread)
  thread:set("index", #threads)
  table.insert(threads, thread)
end

local function head(method, path, token, length)
  local lines = {method .. " " .. path .. " HTTP/1.1", "Host: bench"}
  if token then table.insert(lines, "Authorization: Bearer " .. token) end
  if length then
    table.insert(lines, "Content-Type: application/json")
    table.insert(lines, "Content-Length: " .. length)
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local kinds = {}

function kinds.create(token, first)
  local number = tonumber(first) + index * 1000000000
  local body = '{"phone_number": "+%013d"}'
  local start = head("POST", "/phone_numbers", token, #body:format(0))
  refused = 0
  response = function(status)
    if status ~= 200 then refused = refused + 1 end
  end
  return function()
    number = number + 1
    return start .. body:format(number)
  end
end

function kinds.get(token, first, last, most_ms)
  math.randomseed(index + 1)
  local rest = head("GET", "/", token):match("^GET /(.*)$")
  if most_ms then
    most_ms = tonumber(most_ms)
    delay = function() return math.random(0, most_ms) end
  end
  return function()
    return "GET /phone_numbers/" .. math.random(first, last) .. rest
  end
end

function kinds.login(username, password)
  local body = string.format('{"username": "%s", "password": "%s"}', username, password)
  local whole = head("POST", "/auth/login", nil, #body) .. body
  return function() return whole end
end

-- A create is answered with the three members that it always had; a claim with a list. What is released is
-- not touched again, but a reply that is under way may find it gone: 404 is no error here.
function kinds.mixed(token, first, most_ms)
  math.randomseed(index + tonumber(first) % 65536)
  local number = tonumber(first) + index * 1000000000
  local ids, oldest, newest = {}, 1, 0
  local get = head("GET", "/", token):match("^GET /(.*)$")
  local delete = get
  local function with_body(method, path, body)
    return head(method, path, token, #body) .. body
  end
  refused = 0
  response = function(status, _, body)
    if status == 200 then
      local id = body:match('^{"id":(%d+),"phone_number":"[^"]*","user_id":%d+}')
      if id then
        newest = newest + 1
        ids[newest] = id
      end
    elseif status ~= 204 and status ~= 404 then
      refused = refused + 1
    end
  end
  most_ms = tonumber(most_ms)
  delay = function() return math.random(0, most_ms) end
  return function()
    local turn = math.random(100)
    local held = newest - oldest + 1
    if turn <= 25 or held < 10 then
      number = number + 1
      return with_body("POST", "/phone_numbers", string.format('{"phone_number": "+%013d"}', number))
    end
    local id = ids[math.random(oldest, newest)]
    if turn <= 60 then return "GET /phone_numbers/" .. id .. get end
    if turn <= 68 then return "GET /phone_numbers?limit=20" .. get end
    if turn <= 78 then
      return with_body("PATCH", "/phone_numbers/" .. id, string.format('{"friendly_name": "desk %d"}', number % 1000))
    end
    if turn <= 98 then
      id = ids[oldest]
      ids[oldest] = nil
      oldest = oldest + 1
      return "DELETE /phone_numbers/" .. id .. delete
    end
    return with_body("POST", "/phone_numbers/claim", '{"quantity": 1}')
  end
end

function init(args)
  request = kinds[args[1]](unpack(args, 2))
end

function done(summary, latency)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + (thread:get("refused") or 0) end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "bytes": %d, "refused": %d, "over_399": %d, ' ..
    '"connect": %d, "read": %d, "write": %d, "timeout": %d, "mean_us": %d, "p50_us": %d, "p90_us": %d, ' ..
    '"p99_us": %d, "p999_us": %d, "max_us": %d}\n',
    summary.requests, summary.duration, summary.bytes, refused, errors.status,
    errors.connect, errors.read, errors.write, errors.timeout,
    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max))
end
