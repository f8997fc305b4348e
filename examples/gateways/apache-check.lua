-- Asks the key service about each request. A refusal goes to the client as it is; without an answer, the client gets 503.
-- Apache calls this before its own authentication; it blocks a thread for at most 2 seconds.
require "apache2"
local http = require "socket.http"
local ltn12 = require "ltn12"
http.TIMEOUT = 2

local URL = "http://127.0.0.1:8811/v1/forward-auth"
local SENT_ON = {"Authorization", "X-API-Key", "User-Agent", "Origin", "Access-Control-Request-Method"}
local TOLD = {"Id", "Owner", "Scopes"}
local FORGED = {
  "X-Key-Id", "X-Key-Owner", "X-Key-Scopes", "X-Key-Code",
  "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL",
}
local PASSED_ON = {[400] = true, [401] = true, [403] = true, [429] = true}
local OF_A_REFUSAL = {"WWW-Authenticate", "Retry-After", "RateLimit", "RateLimit-Policy", "Cache-Control"}

-- Takes away a header by which a client might name a key, another method or another path. An application on WSGI reads
-- X_Key_Id as X-Key-Id, so each hyphen may be an underscore.
local function strip(r, name, front)
  local word, rest = name:match("^([^-]*)-(.*)$")
  if not word then r.headers_in[front .. name] = nil return end
  for _, mark in ipairs{"-", "_"} do strip(r, rest, front .. word .. mark) end
end

local function ask(r)
  local headers = {
    ["x-forwarded-method"] = r.method,
    ["x-forwarded-uri"] = r.unparsed_uri,
    ["x-forwarded-for"] = r.useragent_ip,
  }
  for _, name in ipairs(SENT_ON) do headers[name:lower()] = r.headers_in[name] end
  local body = {}
  local _, status, told = http.request{
    url = URL, method = "GET", redirect = false, headers = headers, sink = ltn12.sink.table(body)
  }
  if type(status) ~= "number" then return nil, {}, "" end
  return status, told, table.concat(body)
end

function key_check(r)
  for _, name in ipairs(FORGED) do strip(r, name, "") end
  local status, told, body = ask(r)
  if status == 200 then
    for _, name in ipairs(TOLD) do r.headers_in["X-Key-" .. name] = told["x-key-" .. name:lower()] or "" end
    r.headers_in["Authorization"] = nil  -- the application does not need the key
    r.headers_in["X-API-Key"] = nil
    return apache2.DECLINED
  end
  if not PASSED_ON[status] and not (status == 503 and told["retry-after"]) then
    status, told = 503, {["retry-after"] = "5", ["cache-control"] = "no-store"}
    body = '{"type":"about:blank","title":"Service Unavailable","status":503,"code":"unavailable"}'
  end
  for _, name in ipairs(OF_A_REFUSAL) do
    if told[name:lower()] then r.err_headers_out[name] = told[name:lower()] end
  end
  r.status = status
  r:custom_response(status, body)
  return status
end
