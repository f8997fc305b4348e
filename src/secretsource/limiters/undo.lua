-- Give back what a draw took, or let its leases run from now on: what `Draw.undone` and `Draw.renewed` do.
--
-- KEYS     one per rule
-- ARGV[1]  64-bit floats: the cost of the draw, 0 to give back its leases instead; the time of the draw in microseconds
--          since 1970; 1 to renew its leases instead, or 0; then of each rule the four numbers of `gcra.lua`, and what
--          the draw left: seconds that a rate ran ahead, the period of a quota
-- answer   a 64-bit float: the time in microseconds since 1970

local time = redis.call('TIME')
local now = time[1] * 1e6 + time[2]
local cost, since, renew, place = struct.unpack('>ddd', ARGV[1])
local held = redis.call('MGET', unpack(KEYS))

local function set(key, value, keep)
  redis.call('SET', key, value, 'PX', string.format('%.0f', keep))
end

-- A level counts by the limit that was in force at its last draw, which may be another one than that of this draw.

local function rate(key, level, interval, drawn)
  local ahead, at, by = struct.unpack('>ddd', level)
  local back = math.min(cost, (drawn - math.max(0, now - since) / 1e6) / interval) * by
  if back <= 0 then return end
  local left = math.max(0, ahead - math.max(0, now - at) / 1e6 - back)
  set(key, struct.pack('>ddd', left, now, by), left * 1000 + 1000)
end

local function quota(key, level, ceiling, drawn, keep)
  local balance, period, by = struct.unpack('>ddd', level)
  if ceiling < 0 then
    if period ~= drawn then return end
    ceiling = by
  end
  set(key, struct.pack('>ddd', math.max(balance, math.min(balance + cost, ceiling)), period, by), keep)
end

local function at_once(key, level, lease, keep)
  local ends, taken = {}, since + lease * 1e6
  for at = 1, level and #level or 0, 8 do
    local last = struct.unpack('>d', level, at)
    if last == taken then
      taken = nil
    elseif last > now then
      ends[#ends + 1] = struct.pack('>d', last)
    end
  end
  if renew == 1 then ends[#ends + 1] = struct.pack('>d', now + lease * 1e6) end
  set(key, table.concat(ends), keep)
end

for n = 1, #KEYS do
  local kind, a, b, keep, drawn
  kind, a, b, keep, drawn, place = struct.unpack('>ddddd', ARGV[1], place)
  if kind < 0 then
    if cost == 0 and (held[n] or renew == 1) then at_once(KEYS[n], held[n], b, keep) end
  elseif held[n] and cost > 0 then
    if kind == 0 then
      rate(KEYS[n], held[n], a, drawn)
    else
      quota(KEYS[n], held[n], b, drawn, keep)
    end
  end
end
return struct.pack('>d', now)
