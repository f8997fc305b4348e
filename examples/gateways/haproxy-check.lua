-- Asks the key service about each request. A refusal goes to the client as it is; without an answer, the client gets 503.
-- HAProxy 2.6 asks up to four times, each for 500 ms; from 2.8 on, `httpclient.retries 0` makes it one.
local URL = "http://127.0.0.1:8811/v1/forward-auth"
local SENT_ON = {"authorization", "x-api-key", "user-agent", "origin", "access-control-request-method"}
local PASSED_ON = {[400] = true, [401] = true, [403] = true, [429] = true}
local OF_THE_CONNECTION = {["connection"] = true, ["transfer-encoding"] = true, ["content-length"] = true}

local function question(txn)
  local sent = txn.http:req_get_headers()
  local headers = {
    ["host"] = {"keys"},
    ["x-forwarded-method"] = {txn.sf:method()},
    ["x-forwarded-uri"] = {txn.sf:pathq()},
    ["x-forwarded-for"] = {txn.sf:src()},
  }
  for _, name in ipairs(SENT_ON) do
    if sent[name] then
      headers[name] = {}
      for i = 0, #sent[name] do table.insert(headers[name], sent[name][i]) end
    end
  end
  return headers
end

local function ask(txn)
  local headers = question(txn)
  local done, answer = pcall(function() return core.httpclient():get{url = URL, headers = headers, timeout = 500} end)
  return done and answer or nil
end

local function refuse(txn, answer)
  local reply = txn:reply()
  local status = answer and answer.status
  -- A 503 of HAProxy's own client has no Retry-After.
  if PASSED_ON[status] or (status == 503 and answer.headers["retry-after"]) then
    reply:set_status(status)
    for name, values in pairs(answer.headers) do
      if not OF_THE_CONNECTION[name] then
        for i = 0, #values do if values[i] then reply:add_header(name, values[i]) end end
      end
    end
    reply:set_body(answer.body or "")
  else
    reply:set_status(503)
    reply:add_header("retry-after", "5")
    reply:add_header("cache-control", "no-store")
    reply:add_header("content-type", "application/problem+json")
    reply:set_body('{"type":"about:blank","title":"Service Unavailable","status":503,"code":"unavailable"}')
  end
  txn:done(reply)
end

core.register_action("key_check", {"http-req"}, function(txn)
  local answer = ask(txn)
  if not answer or answer.status ~= 200 then
    return refuse(txn, answer)
  end
  for _, name in ipairs({"id", "owner", "scopes"}) do
    local values = answer.headers["x-key-" .. name]
    txn:set_var("txn.key_" .. name, values and values[0] or "")
  end
end)
