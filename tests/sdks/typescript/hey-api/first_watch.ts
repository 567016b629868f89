// Prints the Services that there are, and every change of one, until interrupted.

import { client } from './waypost/client.gen.js';
import { watch } from './waypost/sdk.gen.js';

client.setConfig({ baseUrl: process.env.BASE_URL ?? 'http://127.0.0.1:8053' });

let type: string | undefined; // ADDED, MODIFIED, DELETED or BOOKMARK
const { stream } = await watch({
  query: { kinds: 'Service' },
  headers: { Accept: 'text/event-stream' },
  onSseEvent: (event) => (type = event.event),
});
for await (const object of stream) {
  if (object.kind === 'Service') console.log(type, object.metadata.name);
}
