import {
  createEstargzCompressor,
  createGzipCompressor,
  createZstdChunkedCompressor,
  createZstdCompressor,
  isZstdAvailable,
} from '@slipway/digest';
import type { ImageSource } from '@slipway/image-source';
import { createPusher, type Destination, type Pusher } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import type { RequestRecord } from '@slipway/registry-client';
import { createAdaptiveLimits, createHostBackoff, createTransferManager } from '@slipway/transfer';
import type { CommandContext } from './command-context.ts';
import { credentialLine } from './credential-line.ts';
import { identityFor, openCredentials } from './credentials.ts';
import { once } from './once.ts';
import { requestLine } from './open-connection.ts';
import type { Progress } from './progress/progress.ts';
import { isZstd, type ResolvedPushOptions } from './push-options.ts';
import { createRateLimit } from './rate-limit.ts';
import { createRegistries } from './registries.ts';
import type { RegistryFacts } from './registry-facts.ts';
import { sourceOptions } from './source-options.ts';
import { openCliSource } from './sources.ts';
import { openStores } from './stores.ts';
import { trustKeyOf } from './trust-key.ts';

/** Everything one push works with. Leaving scope closes it all. */
export interface Engine extends AsyncDisposable {
  readonly pusher: Pusher;
  /** Opens what is pushed. It closes with the engine, once nothing reads it any more: an interrupted upload ends its chunk. */
  openSource(text: string): Promise<ImageSource>;
  destinationOf(reference: Reference): Promise<Destination>;
  /** What is known of a destination's registry, for the advice after a failure. */
  factsOf(reference: Reference): Promise<RegistryFacts | undefined>;
}

export interface EngineContext {
  readonly context: CommandContext;
  readonly progress: Progress;
}

/** Builds the doors a push needs from the options, and the pusher on top of them. */
export async function openEngine(
  options: ResolvedPushOptions,
  references: readonly Reference[],
  { context, progress }: EngineContext,
): Promise<Engine> {
  const print = (line: string): void => progress.print(line);
  const warn = once((message) => progress.warn(message));
  const onRequest = options.verbose === true ? (record: RequestRecord): void => print(requestLine(record)) : undefined;
  const credentials = await openCredentials(options, references, context, warn);
  const stores = await openStores(options, context.environment, warn);
  const transfers = createTransferManager({ concurrency: options.concurrency });
  const registries = createRegistries({
    ...options,
    environment: context.environment,
    warn,
    credentials,
    adaptiveLimits: createAdaptiveLimits({ transfers, most: options.concurrency }),
    rateLimit: options.limitRate === undefined ? undefined : createRateLimit(options.limitRate),
    onRequest,
  });
  const level = options.compressionLevel;
  const kinds = [options.compression].flat();
  const pusher = createPusher({
    transfers,
    metadataStore: stores.metadataStore,
    layerCache: stores.layerCache,
    gzip: createGzipCompressor(kinds.every(isZstd) ? {} : { level, compressor: options.compressor }),
    zstd: isZstdAvailable() ? createZstdCompressor(kinds.some(isZstd) ? { level } : {}) : undefined,
    zstdChunked: kinds.includes('zstd:chunked') ? createZstdChunkedCompressor({ level }) : undefined,
    estargz: kinds.includes('estargz') ? createEstargzCompressor({ level }) : undefined,
    attempts: options.retries + 1,
    trustKey: () => trustKeyOf(options, context.environment, warn),
    retry: { hostBackoff: createHostBackoff() },
  });
  const sayOnce = once(print);
  const tellCredentials = (facts: RegistryFacts | undefined): void => {
    if (facts !== undefined) sayOnce(credentialLine(facts));
  };
  let source: ImageSource | undefined;
  return {
    pusher,
    async openSource(text) {
      source = await openCliSource(text, { ...sourceOptions(options), print, warn, onRequest }, context);
      return source;
    },
    async destinationOf(reference) {
      if (options.verbose === true) tellCredentials(await credentials.factsOf(reference));
      return {
        reference,
        endpoints: await registries.endpointsOf(reference),
        v1Endpoints:
          options.protocol === 'v2' && options.format !== 'v1' ? [] : await registries.v1EndpointsOf(reference),
        ...(await identityFor(reference, credentials, context)),
      };
    },
    factsOf: (reference) => credentials.factsOf(reference),
    async [Symbol.asyncDispose]() {
      await transfers[Symbol.asyncDispose]();
      await source?.[Symbol.asyncDispose]();
      await registries[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}
