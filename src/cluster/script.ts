// What the engine runs: Valkey or Redis, from version 5 on. One string for each peer that owes, its TAT in whole microseconds of
// the server's clock; no string is a full bucket. Only durations go in and out, so no two clocks have to agree.
//
//      KEYS     peers, all of one hash tag
//      ARGV     1: the longest debt   2: the depth, or 0   from 3 on: for each peer, what it is charged          microseconds
//      answers  for each peer its debt afterwards, in microseconds
//
// Where a depth is given, a peer is charged only if its debt does not go beyond that; else the answer is how long it has to
// wait, negative. A charge of 0 reads the debt and writes nothing.
//
// The clock is read inside, and what replicas get are effects, not the script: each has the same TATs, whatever its own clock says.

export const SCRIPT = `-- peergate: debts of peers, as theoretical arrival times
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cap, depth = tonumber(ARGV[1]), tonumber(ARGV[2])
local debts = {}
for i, key in ipairs(KEYS) do
  local charge = tonumber(ARGV[i + 2])
  local before = math.max(tonumber(redis.call('GET', key) or 0) or 0, now)
  local tat = math.min(before + charge, now + cap)
  if depth > 0 and before + charge > now + depth then
    debts[i] = now + depth - before - charge
  else
    if charge > 0 then
      redis.call('SET', key, string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
    end
    debts[i] = tat - now
  end
end
return debts
`;

/** Its SHA-1, by which the engine knows it. */
export const SCRIPT_SHA = 'eea608ab6a0d77173f9b53c1b23a74368279d4f4';
