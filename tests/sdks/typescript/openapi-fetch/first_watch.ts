// Prints the Services that there are, and every change of one, until interrupted.

import createClient from 'openapi-fetch';

import type { components, paths } from './waypost.js';

type WatchEvent = components['schemas']['WatchEvent'];

const client = createClient<paths>({ baseUrl: process.env.BASE_URL ?? 'http://127.0.0.1:8053' });

const params = { query: { kinds: 'Service' } };
const { data: stream, error } = await client.GET('/watch', { params, parseAs: 'stream' });
if (!stream) throw new Error(JSON.stringify(error));
let received = '';
for await (const text of stream.pipeThrough(new TextDecoderStream())) {
  const lines = (received + text).split('\n');
  received = lines.pop()!;
  for (const line of lines) {
    const { type, object }: WatchEvent = JSON.parse(line);
    if (object.kind === 'Service') console.log(type, object.metadata.name);
  }
}
