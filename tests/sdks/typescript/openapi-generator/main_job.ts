// The main job of a Waypost client, with the client that openapi-generator generates.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import {
  AccessApi, ApplyResultFromJSON, ChangesApi, Configuration, ManifestsApi, NamesApi, ResponseError,
  RulesApi, ServicesApi, StatusFromJSON, TokensApi, WatchEventFromJSON,
} from './waypost/index.js';
import type { Service, Status, Token, WatchEvent } from './waypost/index.js';

const basePath = process.env.BASE_URL!;
const accessToken = process.env.TOKEN!;
const client = new Configuration({ basePath, accessToken });
const services = new ServicesApi(client);

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

// The Status of a call that is to be refused, which its exception has not yet read.
async function refusal(call: Promise<unknown>): Promise<Status> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof ResponseError, `${error}`);
    return StatusFromJSON(await error.response.json());
  }
  assert.fail('it was not refused');
}

async function useAToken() {
  const issued = await new TokensApi(client).createToken({ token: token('deployer') });
  const deployer = new Configuration({ basePath, accessToken: issued.status.token! });
  const me = await new AccessApi(deployer).whoami();
  assert.equal(me.status.userInfo.username, 'deployer');
  const wrong = new Configuration({ basePath, accessToken: 'wrong' });
  const refused = await refusal(new AccessApi(wrong).whoami());
  assert.equal(refused.reason, 'Unauthorized');
}

async function applyYaml() {
  const answer = await fetch(`${basePath}/apply`, {
    method: 'POST',
    headers: { 'Authorization': `Bearer ${accessToken}`, 'Content-Type': 'application/yaml' },
    body: await readFile('ent.yaml'),
  });
  const applied = ApplyResultFromJSON(await answer.json());
  assert.equal(applied.results.length, 6);
}

async function applyJson() {
  const manifest = { ...service('api'), kind: 'Service' as const };
  const applied = await new ManifestsApi(client).apply({ manifest });
  assert.deepEqual(applied.results.map((each) => each.operation), ['created']);
}

async function create() {
  const created = await services.createService({ service: service('web') });
  assert.ok(created.spec?.clusterIP);
}

async function listInPages() {
  const names: (string | undefined)[] = [];
  let next: string | undefined;
  do {
    const page = await services.listServices({ namespace: 'default', limit: 2, _continue: next });
    names.push(...page.items.map((each) => each.metadata.name));
    next = page.metadata._continue;
  } while (next);
  assert.deepEqual(names, ['api', 'ent', 'web']);
}

async function read(): Promise<Service> {
  const found = await services.readService(web);
  assert.equal(found.spec?.ports?.[0]?.targetPort, 8080);
  return found;
}

// Sends a merge patch, in which null removes a label.
function patch(labels: Record<string, string | null>, ifMatch?: string): Promise<Service> {
  return services.patchService({ ...web, requestBody: { metadata: { labels } }, ifMatch });
}

async function mergePatch() {
  const patched = await patch({ tier: null, track: 'stable' });
  assert.deepEqual(patched.metadata.labels, { track: 'stable' });
}

async function writeStale(stale: Service) {
  const refused = await refusal(services.replaceService({ ...web, service: stale }));
  assert.deepEqual([refused.code, refused.reason], [409, 'Conflict']);
}

async function patchIfMatch() {
  const found = await services.readServiceRaw(web);
  const etag = found.raw.headers.get('ETag')!;
  await patch({ track: 'next' }, etag);
  const refused = await refusal(patch({ track: 'next' }, etag));
  assert.equal(refused.reason, 'PreconditionFailed');
}

async function resolveOne() {
  const found = await new NamesApi(client).resolve({ name: 'ent', namespace: 'default' });
  assert.equal(found.status, 'NOERROR');
}

async function resolveBatch() {
  const questions = [{ name: 'web' }, { name: 'no.default.svc.cluster.local.' }];
  const found = await new NamesApi(client).resolveMany({ questionBatch: { questions } });
  const statuses = found.resolutions.map((each) => each.status);
  assert.deepEqual(statuses, ['NOERROR', 'NXDOMAIN']);
}

async function readRules(address: string) {
  const rules = await new RulesApi(client).readNodeIpvs({ name: 'n1' });
  assert.ok(rules.virtualServers.some((server) => server.address === address));
}

async function explain() {
  const explained = await services.explainService({ namespace: 'default', name: 'ent' });
  assert.equal(explained.endpointsReady, 2);
  const unready = explained.pods.find((each) => each.pod.name === 'ent-3');
  assert.equal(unready?.verdict, 'NotReady');
}

// The events of a stream: the raw answer is there before its body.
async function* events(after: string): AsyncGenerator<WatchEvent> {
  const watching = new ChangesApi(client).watchRaw({ kinds: 'Service', resourceVersion: after });
  const stream = (await watching).raw.body!.pipeThrough(new TextDecoderStream());
  let received = '';
  for await (const text of stream) {
    const lines = (received + text).split('\n');
    received = lines.pop()!;
    yield* lines.map((line) => WatchEventFromJSON(JSON.parse(line)));
  }
}

async function followChanges(after: string) {
  const changes = events(after);
  await patch({ track: 'done' });
  for await (const { type, object } of changes) {
    if (type === 'BOOKMARK') continue;
    assert.equal(type, 'MODIFIED');
    assert(object.kind === 'Service');
    assert.deepEqual(object.metadata.labels, { track: 'done' });
    break;
  }
}

async function remove() {
  await services.deleteService(web);
  const gone = await refusal(services.readService(web));
  assert.deepEqual([gone.code, gone.reason], [404, 'NotFound']);
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
console.log('stale-write around');
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
