// The main job of a Waypost client, with openapi-fetch and the types that openapi-typescript generates.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import createClient from 'openapi-fetch';

import type { components, paths } from './waypost.js';

type Service = components['schemas']['Service'];
type Token = components['schemas']['Token'];
type WatchEvent = components['schemas']['WatchEvent'];

function connected(token: string) {
  const headers = { Authorization: `Bearer ${token}` };
  return createClient<paths>({ baseUrl: process.env.BASE_URL!, headers });
}

const client = connected(process.env.TOKEN!);

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

// The answer of a call that is to succeed.
async function done<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data, error } = await call;
  assert.ok(data !== undefined, JSON.stringify(error));
  return data;
}

async function useAToken() {
  const issued = await done(client.POST('/tokens', { body: token('deployer') }));
  const me = await done(connected(issued.status.token!).GET('/whoami'));
  assert.equal(me.status.userInfo.username, 'deployer');
  const refused = await connected('wrong').GET('/whoami');
  assert.equal(refused.error?.reason, 'Unauthorized');
}

async function applyYaml() {
  const manifests = await readFile('ent.yaml', 'utf8');
  const applied = await done(client.POST('/apply', {
    headers: { 'Content-Type': 'application/yaml' },
    body: manifests as never, // the type is that of JSON
    bodySerializer: () => manifests,
  }));
  assert.equal(applied.results.length, 6);
}

async function applyJson() {
  const applied = await done(client.POST('/apply', { body: service('api') }));
  assert.deepEqual(applied.results.map((each) => each.operation), ['created']);
}

async function create() {
  const created = await done(client.POST('/services', { body: service('web') }));
  assert.ok(created.spec?.clusterIP);
}

async function listInPages() {
  const names: (string | undefined)[] = [];
  let next: string | undefined;
  do {
    const query = { namespace: 'default', limit: 2, continue: next };
    const page = await done(client.GET('/services', { params: { query } }));
    names.push(...page.items.map((each) => each.metadata.name));
    next = page.metadata.continue;
  } while (next);
  assert.deepEqual(names, ['api', 'ent', 'web']);
}

function readWeb() {
  return client.GET('/services/{namespace}/{name}', { params: { path: web } });
}

async function read(): Promise<Service> {
  const found = await done(readWeb());
  assert.equal(found.spec?.ports?.[0]?.targetPort, 8080);
  return found;
}

// Sends a merge patch, in which null removes a label.
function patch(labels: Record<string, string | null>, ifMatch?: string) {
  return client.PATCH('/services/{namespace}/{name}', {
    params: { path: web, header: { 'If-Match': ifMatch } },
    headers: { 'Content-Type': 'application/merge-patch+json' },
    body: { metadata: { labels } },
  });
}

async function mergePatch() {
  const patched = await done(patch({ tier: null, track: 'stable' }));
  assert.deepEqual(patched.metadata.labels, { track: 'stable' });
}

async function writeStale(stale: Service) {
  const { error } = await client.PUT('/services/{namespace}/{name}', {
    params: { path: web },
    body: stale,
  });
  assert.deepEqual([error?.code, error?.reason], [409, 'Conflict']);
}

async function patchIfMatch() {
  const { response } = await readWeb();
  const etag = response.headers.get('ETag')!;
  await done(patch({ track: 'next' }, etag));
  const { error } = await patch({ track: 'next' }, etag);
  assert.equal(error?.reason, 'PreconditionFailed');
}

async function resolveOne() {
  const query = { name: 'ent', namespace: 'default' };
  const found = await done(client.GET('/resolve', { params: { query } }));
  assert.equal(found.status, 'NOERROR');
}

async function resolveBatch() {
  const questions = [{ name: 'web' }, { name: 'no.default.svc.cluster.local.' }];
  const found = await done(client.POST('/resolve', { body: { questions } }));
  const statuses = found.resolutions.map((each) => each.status);
  assert.deepEqual(statuses, ['NOERROR', 'NXDOMAIN']);
}

async function readRules(address: string) {
  const path = { name: 'n1' };
  const rules = await done(client.GET('/nodes/{name}/ipvs', { params: { path } }));
  assert.ok(rules.virtualServers.some((server) => server.address === address));
}

async function explain() {
  const path = { namespace: 'default', name: 'ent' };
  const explained = await done(
    client.GET('/services/{namespace}/{name}/explain', { params: { path } }),
  );
  assert.equal(explained.endpointsReady, 2);
  const unready = explained.pods.find((each) => each.pod.name === 'ent-3');
  assert.equal(unready?.verdict, 'NotReady');
}

// The events of a stream, which openapi-fetch gives as it comes.
async function* events(after: string): AsyncGenerator<WatchEvent> {
  const query = { kinds: 'Service', resourceVersion: after };
  const stream = await done(client.GET('/watch', { params: { query }, parseAs: 'stream' }));
  let received = '';
  for await (const text of stream!.pipeThrough(new TextDecoderStream())) {
    const lines = (received + text).split('\n');
    received = lines.pop()!;
    yield* lines.map((line): WatchEvent => JSON.parse(line));
  }
}

async function followChanges(after: string) {
  const changes = events(after);
  await done(patch({ track: 'done' }));
  for await (const { type, object } of changes) {
    if (type === 'BOOKMARK') continue;
    assert.equal(type, 'MODIFIED');
    assert(object.kind === 'Service');
    assert.deepEqual(object.metadata.labels, { track: 'done' });
    break;
  }
}

async function remove() {
  const params = { path: web };
  await done(client.DELETE('/services/{namespace}/{name}', { params }));
  const gone = await readWeb();
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
console.log('merge-patch around');
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
