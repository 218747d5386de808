import { shortDigest } from '@slipway/digest';
import type { PushEvent } from '@slipway/push';
import type { StreamRecord } from './stream-record.ts';

/**
 * Waits that docker never had, and the notice that it had: whoever looks on is told of them. Other warnings are logged.
 */
const toldWarnings: ReadonlySet<string> = new Set(['connect-retry', 'manifest-retry', 'schema1-deprecated']);

/**
 * Says of push events what docker's daemon says. A config is spoken of from its first retry on, as a layer is: nobody
 * looks at a terminal where nothing moves. Where the registry has the manifest already, no layer is asked for; docker
 * says of each that it is there.
 *
 * @param layersOf ids of the layers that a tag's image has, in the order in which they are spoken of
 */
export function createPushRecords(
  write: (record: StreamRecord) => void,
  layersOf: (tag: string) => readonly string[],
): (event: PushEvent) => void {
  const retried = new Set<string>();
  let isTold = false;
  return (event) => {
    if (event.type === 'blob:retrying') retried.add(event.blob.key);
    if (event.type === 'blob:preparing') isTold = true;
    if (event.type === 'manifest:pushed' && event.tag !== undefined && event.words !== '') {
      const ids = isTold ? [] : layersOf(event.tag);
      for (const status of ['Preparing', 'Layer already exists']) {
        for (const id of ids) write({ kind: 'action', id, status });
      }
      isTold = false;
    }
    const isHidden = 'blob' in event && event.blob.role === 'config' && !retried.has(event.blob.key);
    const record = isHidden ? undefined : recordOf(event);
    if (record !== undefined) write(record);
  };
}

/**
 * What docker's daemon says of a push event; undefined for what it does not speak of: manifests without a tag, most
 * warnings, and the first message, which comes before the image is looked for.
 */
function recordOf(event: PushEvent): StreamRecord | undefined {
  switch (event.type) {
    case 'blob:preparing':
    case 'blob:waiting':
    case 'blob:progress':
    case 'blob:storing':
    case 'blob:retrying':
    case 'blob:existed':
    case 'blob:mounted':
    case 'blob:pushed':
    case 'blob:skipped':
    case 'blob:message':
      return actionOf(event);
    case 'manifest:pushed':
      if (event.tag === undefined || event.words === '') return undefined;
      return { kind: 'message', status: `${event.tag}: digest: ${event.digest} size: ${event.size}` };
    case 'manifest:storing':
      return {
        kind: 'action',
        id: event.tag ?? shortDigest(event.digest),
        status: `Waiting for ${event.registry} to store it, ${event.seconds} s`,
      };
    case 'message':
      return { kind: 'message', status: event.text };
    case 'warning':
      return toldWarnings.has(event.code) ? { kind: 'message', status: event.message } : undefined;
    case 'blob:resumed':
    case 'push:started':
    case 'push:finished':
    case 'push:failed':
    case 'blob:planned':
    case 'manifest:planned':
      return undefined;
    default:
      return event satisfies never;
  }
}

type LayerEvent = Extract<PushEvent, { readonly type: `blob:${string}` }>;

function actionOf(
  event: Exclude<LayerEvent, { readonly type: 'blob:planned' | 'blob:resumed' }>,
): StreamRecord | undefined {
  const { id } = event.blob;
  switch (event.type) {
    case 'blob:preparing':
      return { kind: 'action', id, status: 'Preparing' };
    case 'blob:waiting':
      return { kind: 'action', id, status: 'Waiting' };
    case 'blob:progress': {
      // Docker counts the layer's own bytes. Where they were read and compressed before, what is sent tells how far it
      // is.
      const { sent, size, read, readTotal } = event;
      const isReading = size === undefined;
      return {
        kind: 'action',
        id,
        status: 'Pushing',
        current: isReading ? read : sent,
        total: isReading ? readTotal : size,
      };
    }
    case 'blob:storing':
      // Docker has no word for it, and shows a full bar: people took that for a hang.
      return { kind: 'action', id, status: `Waiting for ${event.registry} to store it, ${event.seconds} s` };
    case 'blob:retrying':
      return {
        kind: 'action',
        id,
        status: `Retrying in ${event.seconds} ${event.seconds === 1 ? 'second' : 'seconds'}`,
      };
    case 'blob:existed':
      return event.words === '' ? undefined : { kind: 'action', id, status: event.words ?? 'Layer already exists' };
    case 'blob:mounted':
      return { kind: 'action', id, status: event.from === '' ? 'Mounted' : `Mounted from ${event.from}` };
    case 'blob:pushed':
      return event.words === '' ? undefined : { kind: 'action', id, status: event.words ?? 'Pushed' };
    case 'blob:message':
      return { kind: 'action', id, status: event.text };
    case 'blob:skipped':
      return { kind: 'action', id, status: 'Skipped foreign layer' };
    default:
      return event satisfies never;
  }
}
