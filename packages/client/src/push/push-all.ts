import { aList, anObject, assertArgument, assertOptions } from '@slipway/arguments';
import type { SourceItem } from '@slipway/image-source';
import type { Platform } from '@slipway/manifest';
import type { Destination, PushAllOptions, PushDelivery, PushOptions, PushResult } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import { identityFor } from '../credentials/tracked-credentials.ts';
import { assertPushSettings } from './assert-push-settings.ts';
import { type DestinationInput, parseDestinations } from './destinations.ts';
import type { PushParts } from './push-parts.ts';
import type { CompressionSettings } from './push-request.ts';

/** One image that is open, and everywhere it goes. */
export interface Delivery {
  readonly item: SourceItem;
  readonly to: DestinationInput | readonly DestinationInput[];
  /** One manifest of this index. @default that of the push's options */
  readonly platform?: Platform | undefined;
}

/** How several images are pushed. */
export interface DeliveryOptions extends PushAllOptions, CompressionSettings {}

export const deliveryOptionNames: Readonly<Record<keyof DeliveryOptions, true>> = {
  format: true,
  protocol: true,
  requireSchema2: true,
  requireSubject: true,
  compression: true,
  compressionLevel: true,
  compressor: true,
  recompress: true,
  verify: true,
  platform: true,
  dryRun: true,
  learn: true,
  learnFrom: true,
  force: true,
  signing: true,
  stopAtFailure: true,
  onEvent: true,
  onDelivered: true,
  signal: true,
};

/** Pushes images one after the other as one push, each to all its destinations at once. */
export async function pushDeliveries(
  deliveries: readonly Delivery[],
  options: DeliveryOptions,
  parts: PushParts,
): Promise<readonly (readonly PushResult[])[]> {
  assertPushSettings(options);
  assertArgument('deliveries', deliveries, aList);
  const prepared = deliveries.map(({ to, ...delivery }, at) => {
    assertOptions(`deliveries[${at}]`, delivery, {
      required: { item: anObject },
      optional: { platform: anObject },
    });
    return { ...delivery, references: parseDestinations(to, { digests: true }) };
  });
  parts.credentials.assertFor(prepared.flatMap(({ references }) => references.map(({ registry }) => registry)));
  const ready = await Promise.all(
    prepared.map(async ({ references, ...delivery }) => ({
      ...delivery,
      destinations: await Promise.all(references.map((reference) => destinationOf(reference, options, parts))),
    })),
  );
  return await pushReady(ready, options, parts);
}

/** The same, once it is known how the destinations are reached. */
export async function pushReady(
  deliveries: readonly PushDelivery[],
  options: DeliveryOptions,
  { pushers, environment }: Pick<PushParts, 'pushers' | 'environment'>,
): Promise<readonly (readonly PushResult[])[]> {
  const { compressionLevel, compressor, ...pushed } = options;
  const pusher = (await pushers()).pusherFor({ compression: pushed.compression, compressionLevel, compressor });
  const requireSchema2 = pushed.requireSchema2 ?? !environment.allowsSchema1;
  return await pusher.pushAll(deliveries, { ...pushed, requireSchema2 });
}

/** How a reference is reached, in whose name. */
export async function destinationOf(
  reference: Reference,
  { signal, protocol = 'v2', format }: Pick<PushOptions, 'signal' | 'protocol' | 'format'>,
  { registries, credentials }: Pick<PushParts, 'registries' | 'credentials'>,
): Promise<Destination> {
  const isV2Only = protocol === 'v2' && format !== 'v1';
  let identified: ReturnType<typeof identityFor> | undefined;
  // Looked up when the destination's turn comes: a look-up that fails or hangs is no other destination's.
  const identify = (): ReturnType<typeof identityFor> => {
    identified ??= identityFor(reference, credentials.forDestinations, { signal });
    return identified;
  };
  return {
    reference,
    endpoints: await registries.endpointsOf(reference, {
      isAnonymous: async () => (await identify()).isAnonymous,
    }),
    v1Endpoints: isV2Only ? [] : await registries.v1EndpointsOf(reference),
    identify,
  };
}
