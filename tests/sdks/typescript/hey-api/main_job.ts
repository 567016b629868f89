// The main job of a Waypost client, with the client that @hey-api/openapi-ts generates.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { client } from './waypost/client.gen.js';
import {
  apply, createService, createToken, deleteService, explainService, readNodeIpvs, listServices,
  patchService, readService, replaceService, resolve, resolveMany, watch, whoami,
} from './waypost/sdk.gen.js';
import type { ApplyErrors, ApplyResponses, Service, Token } from './waypost/types.gen.js';

client.setConfig({ baseUrl: process.env.BASE_URL!, auth: process.env.TOKEN! });

const web = { namespace: 'default', name: 'web' };

// A Service in front of the Pods of `ent.yaml`.
function service(name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels: { tier: 'front' } },
    spec: { selector: { app: 'ent' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  };
}

function token(user: string): Token {
  return { apiVersion: 'access.waypost/v1', kind: 'Token', metadata: {}, spec: { user } };
}

async function useAToken() {
  const issued = await createToken({ body: token('deployer'), throwOnError: true });
  const me = await whoami({ auth: issued.data.status.token!, throwOnError: true });
  assert.equal(me.data.status.userInfo.username, 'deployer');
  const refused = await whoami({ auth: 'wrong' });
  assert.equal(refused.error?.code, 401);
}

// The generated function takes the first media type alone; the client's own takes any.
async function applyYaml() {
  const applied = await client.post<ApplyResponses, ApplyErrors, true>({
    url: '/apply',
    security: [{ scheme: 'bearer', type: 'http' }],
    headers: { 'Content-Type': 'application/yaml' },
    body: await readFile('ent.yaml', 'utf8'),
    bodySerializer: null,
    throwOnError: true,
  });
  assert.equal(applied.data.results.length, 6);
}

async function applyJson() {
  const applied = await apply({ body: service('api'), throwOnError: true });
  assert.deepEqual(applied.data.results.map((each) => each.operation), ['created']);
}

async function create() {
  const created = await createService({ body: service('web'), throwOnError: true });
  assert.ok(created.data.spec?.clusterIP);
}

async function listInPages() {
  const names: (string | undefined)[] = [];
  let next: string | undefined;
  do {
    const query = { namespace: 'default', limit: 2, continue: next };
    const page = await listServices({ query, throwOnError: true });
    names.push(...page.data.items.map((each) => each.metadata.name));
    next = page.data.metadata.continue;
  } while (next);
  assert.deepEqual(names, ['api', 'ent', 'web']);
}

async function read(): Promise<Service> {
  const found = await readService({ path: web, throwOnError: true });
  assert.equal(found.data.spec?.ports?.[0]?.targetPort, 8080);
  return found.data;
}

async function mergePatch() {
  const body = { metadata: { labels: { tier: null, track: 'stable' } } };
  const patched = await patchService({ path: web, body, throwOnError: true });
  assert.deepEqual(patched.data.metadata.labels, { track: 'stable' });
}

async function writeStale(stale: Service) {
  const refused = await replaceService({ path: web, body: stale });
  assert.deepEqual([refused.error?.code, refused.error?.reason], [409, 'Conflict']);
}

async function patchIfMatch() {
  const found = await readService({ path: web, throwOnError: true });
  const headers = { 'If-Match': found.response.headers.get('ETag')! };
  const body = { metadata: { labels: { track: 'next' } } };
  await patchService({ path: web, body, headers, throwOnError: true });
  const refused = await patchService({ path: web, body, headers });
  assert.equal(refused.error?.code, 412);
}

async function resolveOne() {
  const found = await resolve({ query: { name: 'ent', namespace: 'default' }, throwOnError: true });
  assert.equal(found.data.status, 'NOERROR');
}

async function resolveBatch() {
  const questions = [{ name: 'web' }, { name: 'no.default.svc.cluster.local.' }];
  const found = await resolveMany({ body: { questions }, throwOnError: true });
  const statuses = found.data.resolutions.map((each) => each.status);
  assert.deepEqual(statuses, ['NOERROR', 'NXDOMAIN']);
}

async function readRules(address: string) {
  const rules = await readNodeIpvs({ path: { name: 'n1' }, throwOnError: true });
  assert.ok(rules.data.virtualServers.some((server) => server.address === address));
}

async function explain() {
  const path = { namespace: 'default', name: 'ent' };
  const explained = await explainService({ path, throwOnError: true });
  assert.equal(explained.data.endpointsReady, 2);
  const unready = explained.data.pods.find((each) => each.pod.name === 'ent-3');
  assert.equal(unready?.verdict, 'NotReady');
}

// An event's type is beside its object, which is the event's data.
async function followChanges(after: string) {
  let type: string | undefined;
  const ending = new AbortController();
  const { stream } = await watch({
    query: { kinds: 'Service', resourceVersion: after },
    headers: { Accept: 'text/event-stream' },
    onSseEvent: (event) => (type = event.event),
    signal: ending.signal,
  });
  const body = { metadata: { labels: { track: 'done' } } };
  await patchService({ path: web, body, throwOnError: true });
  for await (const changed of stream) {
    if (type === 'BOOKMARK') continue;
    assert.equal(type, 'MODIFIED');
    assert(changed.kind === 'Service');
    assert.deepEqual(changed.metadata.labels, { track: 'done' });
    break;
  }
  ending.abort();
}

async function remove() {
  await deleteService({ path: web, throwOnError: true });
  const gone = await readService({ path: web });
  assert.deepEqual([gone.error?.code, gone.error?.reason], [404, 'NotFound']);
}

await useAToken();
console.log('token ok');
await applyYaml();
console.log('apply-yaml around');
await applyJson();
console.log('apply-json ok');
await create();
console.log('create ok');
await listInPages();
console.log('list ok');
const first = await read();
console.log('read ok');
await mergePatch();
console.log('merge-patch ok');
await writeStale(first);
console.log('stale-write ok');
await patchIfMatch();
console.log('if-match ok');
await resolveOne();
console.log('resolve ok');
await resolveBatch();
console.log('resolve-batch ok');
await readRules(first.spec!.clusterIP!);
console.log('node-rules ok');
await explain();
console.log('explain ok');
await followChanges((await read()).metadata.resourceVersion!);
console.log('watch around');
await remove();
console.log('delete ok');
