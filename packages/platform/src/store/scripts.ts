/*
 * Each script is one atomic step and can be repeated without a second effect. KEYS[1] is always the meta hash. Answers begin with
 * a word: `ok`, or why nothing was done.
 */

/** Makes sure that the database is ours. ARGV: format, version, database id for a new one. */
export const OPEN = `
local meta = KEYS[1]
if redis.call('EXISTS', meta) == 0 then
  if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then return {'headless'} end
  redis.call('HSET', meta, 'format', ARGV[1], 'version', ARGV[2], 'databaseId', ARGV[3], 'revision', 0, 'term', 0)
  return {'ok', '1', ARGV[3], '0', '0', ARGV[2]}
end
local found = redis.call('HMGET', meta, 'format', 'databaseId', 'revision', 'term', 'version')
if found[1] ~= ARGV[1] then return {'format', tostring(found[1])} end
return {'ok', '0', found[2], found[3], found[4], found[5]}
`;

/** Begins a reign. ARGV: owner, at least. */
export const CLAIM_TERM = `
local meta = KEYS[1]
local found = redis.call('HMGET', meta, 'databaseId', 'term', 'owner', 'renewedAtMs')
if not found[1] then return {'other'} end
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local term = tonumber(found[2])
if found[3] == ARGV[1] and term > tonumber(ARGV[2]) then return {'ok', tostring(term)} end
local next = math.max(term, tonumber(ARGV[2])) + 1
redis.call('HSET', meta, 'term', next, 'owner', ARGV[1], 'renewedAtMs', nowMs)
if not found[3] then return {'ok', tostring(next)} end
return {'ok', tostring(next), found[3], tostring(nowMs - tonumber(found[4]))}
`;

/** Says that a reign goes on. ARGV: database id, term. */
export const RENEW_TERM = `
local found = redis.call('HMGET', KEYS[1], 'databaseId', 'term')
if found[1] ~= ARGV[1] then return {'other'} end
if found[2] ~= ARGV[2] then return {'term', found[2]} end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'renewedAtMs', time[1] * 1000 + math.floor(time[2] / 1000))
return {'ok'}
`;

/**
 * One change as a whole.
 *
 * KEYS: meta, changes, change order, events, collections, then one hash per collection. ARGV: database id, highest revision seen,
 * term, change id, expected revision or '', changes to remember, events to keep, number of documents to set, of documents to
 * delete, of events; then (index of the hash in KEYS, key, value)*, (index, key)*, (event)*.
 *
 * The first write is one that Redis refuses when its memory is full, so that a full store refuses the whole change.
 */
export const COMMIT = `
local meta, changes, order, events, collections = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local found = redis.call('HMGET', meta, 'databaseId', 'revision', 'term')
if found[1] ~= ARGV[1] then return {'other'} end
local done = redis.call('HGET', changes, ARGV[4])
if done then return {'ok', done} end
if tonumber(found[2]) < tonumber(ARGV[2]) then return {'older', found[2]} end
if found[3] ~= ARGV[3] then return {'term', found[3]} end
if ARGV[5] ~= '' and ARGV[5] ~= found[2] then return {'stale', found[2]} end
local sets, deletes, appends = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local revision = tonumber(found[2])
if sets + deletes > 0 then revision = revision + 1 end
redis.call('HSET', changes, ARGV[4], revision)
redis.call('LPUSH', order, ARGV[4])
if redis.call('LLEN', order) > tonumber(ARGV[6]) then redis.call('HDEL', changes, redis.call('RPOP', order)) end
redis.call('HSET', meta, 'revision', revision)
local at = 11
for _ = 1, sets do
  redis.call('HSET', KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
for _ = 1, deletes do
  redis.call('HDEL', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
  at = at + 2
end
for _ = 1, appends do
  redis.call('XADD', events, 'MAXLEN', '~', ARGV[7], '*', 'body', ARGV[at])
  at = at + 1
end
for n = 6, #KEYS do redis.call('SADD', collections, KEYS[n]) end
return {'ok', tostring(revision)}
`;

/** Documents at one moment. KEYS: meta, then one hash per collection. ARGV: database id. */
export const LOAD = `
local found = redis.call('HMGET', KEYS[1], 'databaseId', 'revision')
if found[1] ~= ARGV[1] then return {'other'} end
local answer = {'ok', found[2]}
for n = 2, #KEYS do answer[n + 1] = redis.call('HGETALL', KEYS[n]) end
return answer
`;

/**
 * Some events behind a position. KEYS: meta, events. ARGV: position or '', limit.
 *
 * Answers the events, then the oldest id there is, and the newest id there ever was; '' where there are none.
 */
export const READ_EVENTS = `
if redis.call('EXISTS', KEYS[2]) == 0 then return {{}, '', ''} end
local from = '-'
if ARGV[1] ~= '' then from = '(' .. ARGV[1] end
local events = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', ARGV[2])
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
return {events, oldest[1] and oldest[1][1] or '', newest[1] and newest[1][1] or ''}
`;
