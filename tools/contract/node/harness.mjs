// Helpers for the suite: the SDK connected to the simulator, verdicts as JSON lines on stdout, and a member-by-member
// comparison of what the SDK decoded with the response itself.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const { CONTRACT_URL: url, CONTRACT_KEY: key, CONTRACT_MODULES: modules } = process.env;
const VERSION = '2026-01-01-magnetar';

// The packages are outside the checkout, where a plain import would not find them.
const load = createRequire(`${modules}/`);
const endpoints = load('@metorial/generated/src/mt_2026_01_01_magnetar');
export const { MetorialEndpointManager, isMetorialSDKError } = load('@metorial/util-endpoint');

// Creates a manager as an application does: the host is an argument, key and version are headers.
export const managerWith = apiKey =>
  new MetorialEndpointManager(
    {}, url, () => ({ Authorization: `Bearer ${apiKey}`, 'Metorial-Version': VERSION }), undefined,
    { enableDebugLogging: false },
  );
const manager = managerWith(key);

// endpoint('ProviderDeploymentsConfigs') creates the SDK's class of that name, with the default or another manager.
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

// Returns the response without the SDK.
export const raw = path =>
  request('GET', path, undefined, { Authorization: `Bearer ${key}`, 'Metorial-Version': VERSION });

// Returns what the simulator stores of an object in addition to what it returns.
export async function writeOnly(id) {
  const { instances } = await request('GET', '/_simulator/state?reveal=1');
  const objects = instances.flatMap(instance => Object.values(instance).filter(Array.isArray).flat());
  return objects.find(object => object.readable.id === id).write_only;
}

// Runs `body` with a quirk of the simulator switched on or off.
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

// Checks a call that this project uses; `body` throws if the SDK does not support it.
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

// Checks a limitation of the SDK for these calls; `body` demonstrates it, and throws if it does not show.
export async function limit(id, rows, body) {
  try {
    await body();
    for (const row of rows) report({ row, outcome: 'limit', id });
  } catch (error) {
    report({ row: rows[0], outcome: 'failed', detail: `${id} doesn't show: ${error.stack ?? error}` });
  }
}

// Members that the SDK does not know and leaves as the API wrote them, by type and limitation.
const UNKNOWN = {
  'provider.auth_credentials': { is_managed: 'N1' },
  'provider.auth_config': { tool_filter: 'N2', deployment: 'N3' },
  'provider.config': { tool_filter: 'N2' },
  'provider.deployment': { tool_filter: 'N2' },
};
const CUSTOM = ['metadata', 'capabilities', 'schema', 'value'];
const camel = name => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// Returns what the SDK should decode from a response: names in camel case, times as dates.
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

// Checks that the SDK decoded exactly this response, and returns the decoded object.
export function same(decoded, answer) {
  assert.deepEqual(decoded, expected(answer));
  return decoded;
}

// Checks that a time is a date with a plausible value.
export function isRecent(date) {
  assert.ok(date instanceof Date, 'a date');
  assert.ok(Math.abs(Date.now() - date.getTime()) < 3_600_000, `${date.toISOString()} is about now`);
}

// Returns the SDK's error for a call that must be refused.
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(isMetorialSDKError(error), String(error));
    return error;
  }
  return assert.fail('the call was not refused');
}
