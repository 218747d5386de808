import {
  aBoolean,
  aContent,
  aCount,
  aFunction,
  aList,
  anObject,
  aSignal,
  aString,
  assertArgument,
  assertMembers,
  assertOptions,
  aText,
  either,
  type Kind,
  kind,
  listOf,
  oneOf,
  someBytes,
  withMethods,
} from '@slipway/arguments';
import type { Destination, PushAllOptions, PushDelivery, PusherOptions, PushOptions } from './push.ts';

const fromOne = kind('an integer from 1', (value) => aCount.is(value) && value !== 0);
const aCompressor = withMethods('a compressor', 'compress');
const aURL = kind('a URL', (value) => value instanceof URL);
const aCompression = oneOf('none', 'gzip', 'zstd', 'xz', 'bzip2');
const aDescriptor = kind('a descriptor', (value) => {
  const { digest, size } = (value ?? {}) as { readonly digest?: unknown; readonly size?: unknown };
  return aText.is(digest) && aCount.is(size);
});

const pusherKinds: Readonly<Record<Exclude<keyof PusherOptions, 'transfers' | 'gzip'>, Kind>> = {
  sharedTurns: withMethods('shared turns', 'take'),
  metadataStore: withMethods('a metadata store', 'layerRecords', 'tagAndAdd', 'takeSession', 'saveSession', 'flush'),
  layerCache: withMethods('a layer cache', 'find', 'begin'),
  zstd: aCompressor,
  zstdChunked: aCompressor,
  estargz: aCompressor,
  trustKey: aFunction,
  attempts: fromOne,
  chunkSize: fromOne,
  retry: anObject,
};

const retryKinds: Readonly<Record<keyof NonNullable<PusherOptions['retry']>, Kind>> = {
  backoff: aFunction,
  hostBackoff: withMethods('a host backoff', 'hold', 'waitFor'),
  longestWaitMs: aCount,
  clock: anObject,
  random: aFunction,
};

const pushKinds: Readonly<Record<keyof PushOptions, Kind>> = {
  format: oneOf('keep', 'docker', 'oci', 'schema1', 'schema1-2015', 'v1'),
  protocol: oneOf('v2', 'v1', 'auto'),
  requireSchema2: aBoolean,
  requireSubject: aBoolean,
  compression: either(aString, aList),
  recompress: aBoolean,
  verify: aString,
  platform: anObject,
  dryRun: aBoolean,
  learn: either(aString, aBoolean),
  learnFrom: aString,
  force: aBoolean,
  signing: anObject,
  onEvent: aFunction,
  signal: aSignal,
};

/** @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertPusherOptions(options: PusherOptions): void {
  assertOptions('options', options, {
    required: { transfers: withMethods('a transfer manager', 'transfer'), gzip: aCompressor },
    optional: pusherKinds,
  });
  assertOptions('options.retry', options.retry, { optional: retryKinds });
}

/** @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertPushOptions(options: PushOptions | undefined): void {
  assertOptions('options', options, { optional: pushKinds });
}

/** @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertPushAllOptions(options: PushAllOptions | undefined): void {
  assertOptions('options', options, {
    optional: { ...pushKinds, stopAtFailure: aBoolean, onDelivered: aFunction },
  });
}

/** @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertDeliveries(deliveries: readonly PushDelivery[]): void {
  assertArgument('deliveries', deliveries, aList);
  for (const [at, delivery] of deliveries.entries()) {
    const name = `deliveries[${at}]`;
    assertOptions(name, delivery, {
      required: { item: anObject, destinations: aList },
      optional: { platform: anObject },
    });
    assertItem(delivery.item, `${name}.item`);
    assertDestinations(delivery.destinations, `${name}.destinations`);
  }
}

/** Refuses what a push could not go to. @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertDestinations(destinations: readonly Destination[], list = 'destinations'): void {
  assertArgument(list, destinations, aList);
  for (const [at, destination] of destinations.entries()) {
    const name = `${list}[${at}]`;
    assertOptions(name, destination, {
      required: { reference: anObject, endpoints: listOf(anObject) },
      optional: { identify: aFunction, v1Endpoints: listOf(anObject) },
    });
    const { reference, endpoints } = destination;
    assertMembers(`${name}.reference`, reference, {
      required: { registry: aText, repository: aText },
      optional: { tag: aText, digest: aText },
    });
    for (const [place, endpoint] of endpoints.entries()) {
      assertMembers(`${name}.endpoints[${place}]`, endpoint, {
        required: { url: aURL, connect: aFunction },
        optional: { ping: aFunction },
      });
    }
  }
}

/**
 * Refuses what is no item of a source: programs may make theirs by hand. What the documents in it say is for the plan
 * to judge.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function assertItem(item: unknown, name = 'item'): void {
  assertMembers(name, item, {
    required: { kind: oneOf('image', 'artifact', 'index'), names: listOf(aString) },
    optional: { referrers: listOf(anObject), heldIn: aText },
  });
  const { kind: what, ...parts } = item as Readonly<Record<string, unknown>>;
  if (what === 'image') assertImage(parts, name);
  else assertDocument(parts['manifest'], `${name}.manifest`);
  if (what === 'artifact') assertBlobs(parts['blobs'], `${name}.blobs`);
  if (what === 'index') assertChildren(parts, name);
}

function assertImage({ config, layers, manifest }: Readonly<Record<string, unknown>>, name: string): void {
  assertDocument(config, `${name}.config`);
  if (manifest !== undefined) assertDocument(manifest, `${name}.manifest`);
  assertArgument(`${name}.layers`, layers, aList);
  for (const [at, layer] of (layers as readonly unknown[]).entries()) {
    assertMembers(`${name}.layers[${at}]`, layer, {
      required: { diffID: aText, compression: aCompression },
      optional: { content: aContent, descriptor: aDescriptor },
    });
  }
}

function assertDocument(document: unknown, name: string): void {
  assertMembers(name, document, { required: { mediaType: aString, digest: aText, bytes: someBytes } });
}

function assertBlobs(blobs: unknown, name: string): void {
  assertArgument(name, blobs, aList);
  for (const [at, blob] of (blobs as readonly unknown[]).entries()) {
    assertMembers(`${name}[${at}]`, blob, { required: { descriptor: aDescriptor, content: aContent } });
  }
}

function assertChildren({ children, blobs }: Readonly<Record<string, unknown>>, name: string): void {
  assertArgument(`${name}.children`, children, aList);
  for (const [at, child] of (children as readonly unknown[]).entries()) {
    const where = `${name}.children[${at}]`;
    assertMembers(where, child, { required: { descriptor: aDescriptor, item: anObject } });
    assertItem((child as { readonly item: unknown }).item, `${where}.item`);
  }
  if (blobs !== undefined) assertBlobs(blobs, `${name}.blobs`);
}
