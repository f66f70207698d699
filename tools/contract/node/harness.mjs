// What the suite is written with: the SDK against the simulator, verdicts as JSON lines on stdout, and a comparison of
// what the SDK makes of an answer with the answer itself, member by member.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const { CONTRACT_URL: url, CONTRACT_KEY: key, CONTRACT_MODULES: modules } = process.env;
const VERSION = '2026-01-01-magnetar';

// The packages are outside the checkout, where an import from here wouldn't find them.
const load = createRequire(`${modules}/`);
const endpoints = load('@metorial/generated/src/mt_2026_01_01_magnetar');
export const { MetorialEndpointManager, isMetorialSDKError } = load('@metorial/util-endpoint');

// A manager as an application makes it: the host is an argument, key and version are headers.
export const managerWith = apiKey =>
  new MetorialEndpointManager(
    {}, url, () => ({ Authorization: `Bearer ${apiKey}`, 'Metorial-Version': VERSION }), undefined,
    { enableDebugLogging: false },
  );
const manager = managerWith(key);

// endpoint('ProviderDeploymentsConfigs') is the SDK's class of that name, for our key or another manager.
export const endpoint = (name, of = manager) => new endpoints[`Metorial${name}Endpoint`](of);

async function request(method, path, body, headers = {}) {
  const answer = await fetch(url + path, {
    method,
    headers: { 'User-Agent': 'contract', ...(body && { 'Content-Type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  });
  assert.equal(answer.status, 200, `${method} ${path}`);
  return answer.json();
}

// The answer without the SDK.
export const raw = path =>
  request('GET', path, undefined, { Authorization: `Bearer ${key}`, 'Metorial-Version': VERSION });

// What the simulator keeps of an object beside what it answers.
export async function writeOnly(id) {
  const { instances } = await request('GET', '/_simulator/state?reveal=1');
  const objects = instances.flatMap(instance => Object.values(instance).filter(Array.isArray).flat());
  return objects.find(object => object.readable.id === id).write_only;
}

// Runs `body` with a quirk of the simulator switched.
export async function withQuirk(name, on, body) {
  await request('POST', '/_simulator/quirk', { name, on });
  try {
    return await body();
  } finally {
    await request('POST', '/_simulator/quirk', { name, on: !on });
  }
}

const report = verdict => console.log(JSON.stringify(verdict));
const limits = new Set();

// One call that this project uses; `body` throws if the SDK can't do it.
export async function call(row, body) {
  limits.clear();
  try {
    await body();
    report({ row, outcome: 'ok' });
    for (const id of limits) report({ row, outcome: 'limit', id });
  } catch (error) {
    report({ row, outcome: 'failed', detail: String(error.stack ?? error) });
  }
}

// Something that the SDK can't do for these calls; `body` shows it, and throws if it can.
export async function limit(id, rows, body) {
  try {
    await body();
    for (const row of rows) report({ row, outcome: 'limit', id });
  } catch (error) {
    report({ row: rows[0], outcome: 'failed', detail: `${id} doesn't show: ${error.stack ?? error}` });
  }
}

// Members that the SDK doesn't know: it leaves them, and what is in them, as the API wrote them. By type and limit.
const UNKNOWN = {
  'provider.auth_credentials': { is_managed: 'N1' },
  'provider.auth_config': { tool_filter: 'N2', deployment: 'N3' },
  'provider.config': { tool_filter: 'N2' },
  'provider.deployment': { tool_filter: 'N2' },
};
const CUSTOM = ['metadata', 'capabilities', 'schema', 'value'];
const camel = name => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// What the SDK has to make of an answer: names in camel case, times as dates.
function expected(answer) {
  if (Array.isArray(answer)) return answer.map(expected);
  if (typeof answer === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(answer)) return new Date(answer);
  if (answer === null || typeof answer !== 'object') return answer;
  const unknown = UNKNOWN[answer.object] ?? {};
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => {
      if (name in unknown) {
        if (value !== null) limits.add(unknown[name]);
        return [name, value];
      }
      const isCustom = CUSTOM.includes(name) && !(name === 'schema' && value?.type === 'json_schema');
      return [camel(name), isCustom ? value : expected(value)];
    }),
  );
}

// Checks that the SDK decoded exactly this answer, and gives the decoded object back.
export function same(decoded, answer) {
  assert.deepEqual(decoded, expected(answer));
  return decoded;
}

// Checks that a time is a date, and not just any.
export function isRecent(date) {
  assert.ok(date instanceof Date, 'a date');
  assert.ok(Math.abs(Date.now() - date.getTime()) < 3_600_000, `${date.toISOString()} is about now`);
}

// The SDK's error of a call that must be refused.
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(isMetorialSDKError(error), String(error));
    return error;
  }
  return assert.fail('the call was not refused');
}
