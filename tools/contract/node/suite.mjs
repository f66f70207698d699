// Makes every call that this project uses with the official Node SDK, against the simulator.
import assert from 'node:assert/strict';
import {
  call, endpoint, isRecent, limit, managerWith, raw, refusal, same, withQuirk, writeOnly,
} from './harness.mjs';

const providers = endpoint('Providers');
const methods = endpoint('ProvidersAuthMethods');
const deployments = endpoint('ProviderDeployments');
const credentials = endpoint('ProviderDeploymentsAuthCredentials');
const authConfigs = endpoint('ProviderDeploymentsAuthConfigs');
const imports = endpoint('ProviderDeploymentsAuthConfigsImports');
const exports_ = endpoint('ProviderDeploymentsAuthConfigsExports');
const configs = endpoint('ProviderDeploymentsConfigs');
const vaults = endpoint('ProviderDeploymentsConfigVaults');

const CREDENTIALS = '/provider-auth-credentials';
const AUTH_CONFIGS = '/provider-auth-configs';
const IMPORTS = '/provider-auth-config-imports';
const EXPORTS = '/provider-auth-config-exports';
const CONFIGS = '/provider-configs';
const VAULTS = '/provider-config-vaults';
const DEPLOYMENTS = '/provider-deployments';
const SEARCH = { type: 'tool_keys', keys: ['search'] };
const NESTED = '/provider-deployments/:id/auth-configs/:id/exports';

const github = await providers.get('github');
const linear = await providers.get('linear');
const postgres = await providers.get('postgres');
const methodOf = async (provider, key) => {
  const { items } = await methods.list({ providerVersionId: provider.currentVersion.id });
  return items.find(method => method.key === key).id;
};
const oauth = await methodOf(github, 'oauth2');
const token = await methodOf(linear, 'token');
const deploymentOf = async provider => (await deployments.list({ providerId: provider.id })).items[0].id;

// Lists everything, compares it item by item, and checks that the object is in it.
async function listed(endpoint, path, id) {
  const page = same(await endpoint.list({ limit: 100 }), await raw(`${path}?limit=100`));
  assert.ok(page.items.some(item => item.id === id), `${id} is listed`);
}

// Checks that an update changes the name and updated_at, and nothing else.
async function renamed(endpoint, path, before) {
  const after = same(await endpoint.update(before.id, { name: 'Renamed' }), await raw(`${path}/${before.id}`));
  assert.equal(after.name, 'Renamed');
  assert.deepEqual(after.metadata, before.metadata);
  assert.ok(after.updatedAt > before.updatedAt, 'a later time');
}

// Checks that a delete returns the archived object, which remains readable.
async function archived(endpoint, path, id) {
  const gone = await endpoint.delete(id);
  assert.deepEqual([gone.id, gone.status], [id, 'archived']);
  const left = same(await endpoint.get(id), await raw(`${path}/${id}`));
  assert.equal(left.status, 'archived');
}

// Lists, gets, updates and deletes an object that was just created.
async function lifeOf(endpoint, path, made) {
  await call(`GET ${path}`, () => listed(endpoint, path, made.id));
  await call(`GET ${path}/:id`, async () => same(await endpoint.get(made.id), await raw(`${path}/${made.id}`)));
  await call(`PATCH ${path}/:id`, () => renamed(endpoint, path, made));
  return call(`DELETE ${path}/:id`, () => archived(endpoint, path, made.id));
}

await call('header Metorial-Version', async () => {
  assert.equal((await endpoint('Instance').get()).object, 'organization.instance');
});
await call('GET /instance', async () => {
  const instance = same(await endpoint('Instance').get(), await raw('/instance'));
  assert.match(instance.id, /^ins_/);
  assert.deepEqual([instance.type, instance.project.object], ['development', 'organization.project']);
  isRecent(instance.createdAt);
});
await limit('N9', ['GET /token'], async () => {
  assert.equal((await raw('/token')).object, 'token');
  assert.throws(() => endpoint('Token'), TypeError);
});
await call('GET /providers/:id', async () => {
  const provider = same(await providers.get('github'), await raw('/providers/github'));
  assert.deepEqual([provider.slug, provider.publisher.name], ['github', 'Metorial']);
  assert.equal(provider.currentVersion.providerId, provider.id);
  assert.equal(provider.createdAt.toISOString(), '2026-01-10T14:45:00.000Z');
  assert.match(provider.oauth.callbackUrl, /^https:/);
  assert.deepEqual(provider.oauth.autoRegistration, { status: 'unsupported' });
});
await call('GET /provider-auth-methods/:id', async () => {
  const method = same(await methods.get(oauth), await raw(`/provider-auth-methods/${oauth}`));
  assert.deepEqual([method.type, method.key, method.scopes[0].scope], ['oauth', 'oauth2', 'repo']);
  assert.deepEqual(method.outputSchema.schema.required, ['accessToken']);
  assert.equal((await methods.get(token)).scopes, null);
});
await call('GET /provider-config-schema', async () => {
  const query = `/provider-config-schema?provider_id=${postgres.id}`;
  const { schema, visibility } = same(await configs.getConfigSchema({ providerId: postgres.id }), await raw(query));
  assert.deepEqual([visibility, schema.schema.properties.readOnly], ['plain', { type: 'boolean' }]);
  assert.equal((await configs.getConfigSchema({ providerId: github.id })).schema, null);
});
await call(`GET ${IMPORTS}/schema`, async () => {
  const shadowed = await refusal(imports.getSchema({ providerAuthMethodId: token }));
  assert.deepEqual([shadowed.response.status, shadowed.response.id], [404, 'schema']);
  await withQuirk('ImportSchemaShadowed', false, async () => {
    const query = `${IMPORTS}/schema?provider_auth_method_id=${token}`;
    const { schema, visibility } = same(await imports.getSchema({ providerAuthMethodId: token }), await raw(query));
    assert.deepEqual([visibility, schema.schema.required], ['encrypted', ['token']]);
  });
});

let made;
await call(`POST ${CREDENTIALS}`, async () => {
  made = await credentials.create({
    providerId: 'github', name: 'App', description: 'Of a team', metadata: { some_team: 'x', nested: { a_b: null } },
    config: { type: 'oauth', clientId: 'client', clientSecret: 'hush', scopes: ['repo', 'read:user'] },
  });
  same(made, await raw(`${CREDENTIALS}/${made.id}`));
  assert.match(made.id, /^par_/);
  assert.deepEqual([made.name, made.description, made.providerId], ['App', 'Of a team', github.id]);
  assert.deepEqual([made.scopes, made.isDefault], [['repo', 'read:user'], false]);
  assert.deepEqual(made.metadata, { some_team: 'x', nested: { a_b: null } });
  isRecent(made.createdAt);
  assert.deepEqual(await writeOnly(made.id), { client_id: 'client', client_secret: 'hush' });
});
await limit('N6', [`PATCH ${CREDENTIALS}/:id`], async () => {
  await credentials.update(made.id, { clientSecret: 'ignored' });
  assert.deepEqual(await writeOnly(made.id), { client_id: 'client', client_secret: 'hush' });
  const after = await credentials.update(made.id, { client_secret: 'louder', scopes: ['repo'] });
  assert.deepEqual(await writeOnly(made.id), { client_id: 'client', client_secret: 'louder' });
  made = same(after, await raw(`${CREDENTIALS}/${made.id}`));
  assert.deepEqual(made.scopes, ['repo']);
});
await lifeOf(credentials, CREDENTIALS, made);

let ofOauth;
await call(`POST ${AUTH_CONFIGS}`, async () => {
  const value = { accessToken: 'hush', refreshToken: 'hush too' };
  ofOauth = await authConfigs.create({
    providerAuthMethodId: oauth, providerDeploymentId: await deploymentOf(github), value, name: 'A person\'s',
    metadata: { by: 'contract' }, tool_filters: SEARCH,
  });
  same(ofOauth, await raw(`${AUTH_CONFIGS}/${ofOauth.id}`));
  assert.match(ofOauth.id, /^pac_/);
  assert.deepEqual([ofOauth.name, ofOauth.source, ofOauth.authMethod.key], ['A person\'s', 'manual', 'oauth2']);
  assert.deepEqual(ofOauth.tool_filter, { type: 'filter', filters: [SEARCH] });
  assert.deepEqual(await writeOnly(ofOauth.id), { value });
  isRecent(ofOauth.updatedAt);
});
await call(`POST ${IMPORTS}`, async () => {
  const value = { accessToken: 'renewed', expiresAt: '2099-01-02T03:04:05.000Z' };
  const made = await imports.create({ providerAuthConfigId: ofOauth.id, note: 'Renewed', value });
  same(made, await raw(`${IMPORTS}/${made.id}`));
  assert.match(made.id, /^paci_/);
  assert.deepEqual([made.note, made.authConfig.id, made.authMethodId], ['Renewed', ofOauth.id, oauth]);
  assert.equal(made.expiresAt.toISOString(), '2099-01-02T03:04:05.000Z');
  assert.deepEqual((await writeOnly(ofOauth.id)).value, value);
  const body = { providerId: linear.id, note: 'New', value: { token: 'hush' }, metadata: { a_b: 1 } };
  const another = await imports.create(body);
  assert.notEqual(another.authConfig.id, ofOauth.id);
  assert.deepEqual(another.authConfig.metadata, { a_b: 1 });
});
await call(`GET ${IMPORTS}`, async () => {
  const all = same(await imports.list(), await raw(IMPORTS));
  assert.ok(all.items.some(item => item.note === null), 'a create wrote an import too');
  const of = await imports.list({ providerAuthConfigId: ofOauth.id });
  assert.ok(of.items.length === 2 && of.items.every(item => item.authConfig.id === ofOauth.id));
});
await call(`GET ${IMPORTS}/:id`, async () => {
  const [{ id }] = (await imports.list({ limit: 1, order: 'desc' })).items;
  assert.equal(same(await imports.get(id), await raw(`${IMPORTS}/${id}`)).note, 'New');
});
let exported;
await call(`POST ${EXPORTS}`, async () => {
  const body = { providerAuthConfigId: ofOauth.id, note: 'For the vault', metadata: { by: 'contract' } };
  exported = await exports_.create(body);
  assert.match(exported.id, /^pace_/);
  assert.equal(exported.value.accessToken, 'renewed');
  same({ ...exported, value: null }, await raw(`${EXPORTS}/${exported.id}`));
  assert.deepEqual([exported.note, exported.metadata], ['For the vault', { by: 'contract' }]);
});
await call(`GET ${EXPORTS}`, async () => {
  const page = same(await exports_.list({ providerAuthConfigId: ofOauth.id }),
    await raw(`${EXPORTS}?provider_auth_config_id=${ofOauth.id}`));
  assert.deepEqual(page.items.map(item => item.id), [exported.id]);
});
await call(`GET ${EXPORTS}/:id`, async () => {
  const read = same(await exports_.get(exported.id), await raw(`${EXPORTS}/${exported.id}`));
  assert.deepEqual([read.authConfig.id, read.value], [ofOauth.id, null]);
});
await limit('N4', [`GET ${NESTED}`, `POST ${NESTED}`, `GET ${NESTED}/:id`], () =>
  withQuirk('FlatExports', false, async () => {
    const body = { providerAuthConfigId: ofOauth.id, note: 'Nowhere' };
    for (const call of [() => exports_.list(), () => exports_.create(body), () => exports_.get(exported.id)]) {
      assert.equal((await refusal(call())).entity, 'endpoint');
    }
  }));
// Checks that create and update of an endpoint ignore toolFilters and apply tool_filters.
async function filtered(endpoint, path, id, body) {
  const unfiltered = await endpoint.create({ ...body, toolFilters: SEARCH });
  assert.deepEqual(unfiltered.tool_filter, { type: 'allow_all' });
  const ignored = await endpoint.update(id, { toolFilters: null });
  assert.deepEqual(ignored.tool_filter, { type: 'filter', filters: [SEARCH] });
  const open = same(await endpoint.update(id, { tool_filters: null }), await raw(`${path}/${id}`));
  assert.deepEqual(open.tool_filter, { type: 'allow_all' });
}
await limit('N7', [`POST ${AUTH_CONFIGS}`, `PATCH ${AUTH_CONFIGS}/:id`], () =>
  filtered(authConfigs, AUTH_CONFIGS, ofOauth.id, { providerAuthMethodId: token, value: { token: 'hush' } }));
await lifeOf(authConfigs, AUTH_CONFIGS, await authConfigs.get(ofOauth.id));

let vault;
await call(`POST ${VAULTS}`, async () => {
  vault = await vaults.create({
    providerId: postgres.id, providerDeploymentId: await deploymentOf(postgres), name: 'Shared', value: { readOnly: true },
  });
  same(vault, await raw(`${VAULTS}/${vault.id}`));
  assert.match(vault.id, /^pcvt_/);
  assert.deepEqual([vault.name, vault.deployment.name, vault.providerId], ['Shared', 'PostgreSQL', postgres.id]);
  assert.deepEqual(await writeOnly(vault.id), { value: { readOnly: true } });
});
let config;
await call(`POST ${CONFIGS}`, async () => {
  const ofVault = await configs.create({ providerId: postgres.id, providerConfigVaultId: vault.id, name: 'From the vault' });
  same(ofVault, await raw(`${CONFIGS}/${ofVault.id}`));
  assert.equal(ofVault.fromVault.id, vault.id);
  config = await configs.create({
    providerId: postgres.id, name: 'Own', value: { statementTimeoutMs: 5000 },
    tool_filters: [SEARCH],
  });
  same(config, await raw(`${CONFIGS}/${config.id}`));
  assert.match(config.id, /^pcf_/);
  assert.deepEqual([config.name, config.fromVault], ['Own', null]);
  assert.equal(config.specificationId, postgres.currentVersion.specificationId);
  assert.deepEqual((await writeOnly(config.id)).value, { statementTimeoutMs: 5000 });
});
await limit('N7', [`POST ${CONFIGS}`, `PATCH ${CONFIGS}/:id`], () =>
  filtered(configs, CONFIGS, config.id, { providerId: postgres.id, value: {} }));
let deployment;
await call(`POST ${DEPLOYMENTS}`, async () => {
  const lockedProviderVersionId = linear.currentVersion.id;
  deployment = await deployments.create({
    providerId: 'linear', name: 'Pinned', description: 'Of a team', metadata: { some_team: 'x' },
    lockedProviderVersionId, tool_filters: [SEARCH],
  });
  same(deployment, await raw(`${DEPLOYMENTS}/${deployment.id}`));
  assert.match(deployment.id, /^pde_/);
  assert.deepEqual([deployment.name, deployment.providerId, deployment.status], ['Pinned', linear.id, 'active']);
  assert.equal(deployment.lockedVersion.id, lockedProviderVersionId);
  assert.deepEqual(deployment.tool_filter, { type: 'filter', filters: [SEARCH] });
  const made = await configs.get(deployment.defaultConfig.id);
  assert.deepEqual([made.name, made.metadata], ['Default Config for Pinned', { some_team: 'x' }]);
  const named = await deployments.create({ providerId: postgres.id, providerConfigId: config.id });
  assert.equal(named.defaultConfig.id, config.id);
  const value = { readOnly: true };
  const inline = await deployments.create({ providerId: postgres.id, name: 'Inline', providerConfig: { value } });
  assert.deepEqual((await writeOnly(inline.defaultConfig.id)).value, value);
  isRecent(deployment.updatedAt);
});
await limit('N7', [`POST ${DEPLOYMENTS}`, `PATCH ${DEPLOYMENTS}/:id`], async () => {
  const unfiltered = await deployments.create({ providerId: postgres.id, toolFilters: SEARCH });
  assert.deepEqual(unfiltered.tool_filter, { type: 'allow_all' });
  const ignored = await deployments.update(deployment.id, { toolFilters: [] });
  assert.deepEqual(ignored.tool_filter, { type: 'filter', filters: [SEARCH] });
  // The server ignores null here.
  const kept = await deployments.update(deployment.id, { tool_filters: null });
  assert.deepEqual(kept.tool_filter, { type: 'filter', filters: [SEARCH] });
  const open = await deployments.update(deployment.id, { tool_filters: [] });
  assert.deepEqual(open.tool_filter, { type: 'allow_all' });
});
await limit('N10', [`PATCH ${DEPLOYMENTS}/:id`], async () => {
  const ignored = await deployments.update(deployment.id, { lockedProviderVersionId: null });
  assert.equal(ignored.lockedVersion.id, linear.currentVersion.id);
  const free = await deployments.update(deployment.id, { locked_provider_version_id: null });
  assert.equal(free.lockedVersion, null);
});
await lifeOf(deployments, DEPLOYMENTS, await deployments.get(deployment.id));
await lifeOf(configs, CONFIGS, config);
await lifeOf(vaults, VAULTS, vault);

const start = new Date();
const ids = [];
for (const name of ['one', 'two', 'three', 'four', 'five']) {
  ids.push((await vaults.create({ providerId: postgres.id, name, value: {} })).id);
}
const idsOf = page => page.items.map(item => item.id);
await call('lists: limit, after, before, order', async () => {
  const first = await vaults.list({ limit: 2, id: ids });
  assert.deepEqual([idsOf(first), first.pagination], [ids.slice(0, 2), { hasMoreBefore: false, hasMoreAfter: true }]);
  const next = await vaults.list({ limit: 3, id: ids, after: ids[1] });
  assert.deepEqual([idsOf(next), next.pagination], [ids.slice(2), { hasMoreBefore: true, hasMoreAfter: false }]);
  assert.deepEqual(idsOf(await vaults.list({ limit: 2, id: ids, before: ids[3] })), ids.slice(1, 3));
  assert.deepEqual(idsOf(await vaults.list({ id: ids, order: 'desc' })), [...ids].reverse());
});
await call('lists: arrays of ids and states', async () => {
  const many = Array.from({ length: 95 }, (_, number) => `pcvt_${number}`).concat(ids);
  assert.deepEqual(idsOf(await vaults.list({ id: many, limit: 100 })), ids);
  assert.deepEqual(idsOf(await vaults.list({ id: [vault.id] })), []);
  assert.deepEqual(idsOf(await vaults.list({ id: vault.id, status: ['active', 'archived'] })), [vault.id]);
});
await call('lists: ranges of times', async () => {
  assert.deepEqual(idsOf(await vaults.list({ created_at: { gt: new Date(start.getTime() - 1) } })), ids);
  assert.deepEqual(idsOf(await vaults.list({ id: ids, updated_at: { lt: start } })), []);
});
await limit('N8', ['lists: ranges of times'], async () => {
  assert.deepEqual(idsOf(await vaults.list({ id: ids, createdAt: { lt: start } })), ids);
});

await call('errors: 400 with errors[]', async () => {
  const error = await refusal(configs.create({ providerId: postgres.id, value: { statementTimeoutMs: 'long' } }));
  assert.deepEqual([error.response.status, error.code, error.entity], [400, 'invalid_data', 'provider.config']);
  assert.deepEqual(error.validationErrors[0].path, ['statementTimeoutMs']);
});
await call('errors: 401', async () => {
  const stranger = endpoint('Instance', managerWith('metorial_sk_nobodys'));
  const error = await refusal(stranger.get());
  assert.deepEqual([error.response.status, error.code], [401, 'unauthorized']);
});
await call('errors: 404', async () => {
  const error = await refusal(configs.get('pcf_nothing'));
  assert.deepEqual([error.response.status, error.code, error.entity], [404, 'not_found', 'provider.config']);
  assert.equal(error.response.id, 'pcf_nothing');
});
await call('errors: 410', async () => {
  const error = await refusal(configs.update(config.id, { name: 'Too late' }));
  assert.deepEqual([error.response.status, error.code], [410, 'gone']);
});
await limit('N5', ['errors: 400 with errors[]', 'errors: 404', 'errors: 410'], async () => {
  for (const refused of [
    () => configs.create({ name: 'Without a provider' }),
    () => configs.get('pcf_nothing'),
    () => configs.delete(config.id),
  ]) {
    const error = await refusal(refused());
    assert.ok(!JSON.stringify([error, error.response]).includes('req_'), 'no request id');
    assert.equal(error.headers ?? error.requestId, undefined);
  }
});
