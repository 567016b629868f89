// Prints the Services that there are, and every change of one, until interrupted.

import { ChangesApi, Configuration, WatchEventFromJSON } from './waypost/index.js';

const basePath = process.env.BASE_URL ?? 'http://127.0.0.1:8053';

const { raw } = await new ChangesApi(new Configuration({ basePath })).watchRaw({ kinds: 'Service' });
let received = '';
for await (const text of raw.body!.pipeThrough(new TextDecoderStream())) {
  const lines = (received + text).split('\n');
  received = lines.pop()!;
  for (const line of lines) {
    const { type, object } = WatchEventFromJSON(JSON.parse(line));
    if (object.kind === 'Service') console.log(type, object.metadata.name);
  }
}
