-- Draw on every rule of an account, or on none: what `Plan.draw` does, inside Redis or Valkey and by its clock.
--
-- KEYS     one per rule
-- ARGV[1]  64-bit floats: the cost; then of each rule its kind (0 rate, 1 day quota, 1 + D month quota that refills on
--          day D, -1 requests at once), two numbers of its own (interval and lead in seconds; limit and ceiling, -1 for
--          none; or limit and lease in seconds), and milliseconds to keep its key
-- answer   64-bit floats: the rule that refused, counted from 1, or 0; the time in microseconds since 1970; then of
--          each rule its amount and the time of that amount (of leases: their number and the next end)

local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1e6 + time[2]
local cost, place = struct.unpack('>d', ARGV[1])
local held = redis.call('MGET', unpack(KEYS))

-- The month of a day since 1970, and the day within it. Months are counted since year 0, in years that begin in March,
-- so that a leap day is the last of its year.
local function month_of(number)
  local day = number + 719468
  local cycle = math.floor(day / 146097)
  day = day % 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  day = day - 365 * year - math.floor(year / 4) + math.floor(year / 100)
  local month = math.floor((5 * day + 2) / 153)
  return (cycle * 400 + year) * 12 + month + 2, day - math.floor((153 * month + 2) / 5) + 1
end

-- The period of a quota. A month begins on its refill day, and at the latest on its last day.
local function period_of(kind)
  local today = math.floor(second / 86400)
  if kind == 1 then return today end
  local month, day = month_of(today)
  local _, tomorrow = month_of(today + 1)
  return (day >= kind - 1 or tomorrow == 1) and month or month - 1
end

-- Of a limit that changed since its level was written, as many requests are used as before; of a rate at most its burst.

local function rate(level, interval, lead)
  local ahead, since, by = 0, now, interval
  if level then ahead, since, by = struct.unpack('>ddd', level) end
  local before = math.max(0, ahead - math.max(0, now - since) / 1e6)
  if by ~= interval then before = math.min(before / by * interval, lead - math.min(interval / 1000, 0.001)) end
  local after = before + interval * cost
  return {fits = after <= lead, before = before, after = after, when = now, by = interval, keep = after * 1000 + 1000}
end

local function quota(level, limit, ceiling, current, keep)
  local balance, period, by = limit, current, limit
  local most = ceiling < 0 and limit or ceiling
  if level then balance, period, by = struct.unpack('>ddd', level) end
  if current > period then
    balance = ceiling < 0 and limit or math.max(0, balance) + limit * (current - period)
    period = current
  else
    balance = balance + limit - by
  end
  balance = math.min(balance, most)
  local fits = cost <= balance or cost == 0
  return {fits = fits, before = balance, after = balance - cost, when = period, by = limit, keep = keep}
end

local function at_once(level, limit, lease, keep)
  local ends, following = {}, now + lease * 1e6
  for at = 1, level and #level or 0, 8 do
    local last = struct.unpack('>d', level, at)
    if last > now then
      ends[#ends + 1] = struct.pack('>d', last)
      following = math.min(following, last)
    end
  end
  local before = #ends
  if cost > 0 then ends[before + 1] = struct.pack('>d', now + lease * 1e6) end
  return {
    fits = #ends <= limit or cost == 0, before = before, after = #ends, when = following, keep = keep,
    stored = table.concat(ends),
  }
end

local drawn, refused = {}, 0
for n = 1, #KEYS do
  local kind, a, b, keep
  kind, a, b, keep, place = struct.unpack('>dddd', ARGV[1], place)
  if kind == 0 then
    drawn[n] = rate(held[n], a, b)
  elseif kind < 0 then
    drawn[n] = at_once(held[n], a, b, keep)
  else
    drawn[n] = quota(held[n], a, b, period_of(kind), keep)
  end
  if refused == 0 and not drawn[n].fits then refused = n end
end

local answer = struct.pack('>dd', refused, now)
for n, rule in ipairs(drawn) do
  local level = struct.pack('>dd', refused == 0 and rule.after or rule.before, rule.when)
  if refused == 0 and cost > 0 then
    redis.call('SET', KEYS[n], rule.stored or level .. struct.pack('>d', rule.by), 'PX', string.format('%.0f', rule.keep))
  end
  answer = answer .. level
end
return answer
