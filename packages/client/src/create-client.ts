import {
  aBoolean,
  aFunction,
  anObject,
  anything,
  aSignal,
  aString,
  assertArgument,
  assertOptions,
  aText,
  either,
  oneOf,
} from '@slipway/arguments';
import { readCredentials } from '@slipway/docker-credentials';
import { parseReference, type Reference } from '@slipway/reference';
import { createAdaptiveLimits, createHostBackoff, createTransferManager } from '@slipway/transfer';
import { runAttach } from './artifacts/attach.ts';
import { assertAttachRequest } from './artifacts/attach-request.ts';
import { createSubjects, parseSubject } from './artifacts/subjects.ts';
import type { Client, PushedImage } from './client.ts';
import { type ClientOptions, type ResolvedClientOptions, resolveClientOptions } from './client-options.ts';
import { observe } from './connection/observe.ts';
import { createRateLimit } from './connection/rate-limit.ts';
import { createRegistries, type RegistriesOptions } from './connection/registries.ts';
import { verifyLogin } from './connection/verify-login.ts';
import { openClientCredentials } from './credentials/client-credentials.ts';
import { PushFailedError } from './errors.ts';
import { Lifetime } from './lifetime.ts';
import { assertNoUser } from './names/assert-no-user.ts';
import { onceOpened } from './once-opened.ts';
import { assertKnown, bagOf } from './options/assert-known.ts';
import { readOptions } from './options/read-options.ts';
import { deliveryOptionNames, pushDeliveries } from './push/push-all.ts';
import { readPushRequest } from './push/push-request.ts';
import { createPushers } from './push/pushers.ts';
import { runPush } from './push/run-push.ts';
import { openSourceText, type SourceDoors } from './sources/open-source.ts';
import { connectTo, createSourceRegistries } from './sources/registry-source.ts';
import { storedImages } from './sources/store-image-source.ts';
import { openLocalImages } from './stores/local-images.ts';
import { openStores, type Stores } from './stores/stores.ts';
import { trustKeyIn } from './stores/trust-key.ts';

/**
 * Makes a client. Without options it does as `slipway push` does: with docker's and podman's credentials, certificates
 * from certs.d, proxies from the environment, and caches in the data folder. Nothing is opened or sent before it is
 * needed.
 *
 * @throws {ClientError} `ERR_CLIENT_OPTION` when an option is not what it has to be
 * @example
 * await using client = await createClient();
 * const [{ digest }] = await client.push({ source: 'app.tar', to: ['ghcr.io/me/app:1', 'quay.io/me/app:1'] });
 */
export async function createClient(options?: ClientOptions): Promise<Client> {
  const settings = resolveClientOptions(options);
  const { environment, warn, concurrency, retries } = settings;
  const attempts = retries + 1;
  const credentials = openClientCredentials(settings);
  const lifetime = new Lifetime();
  const ownTransfers = settings.transfers === undefined ? createTransferManager({ concurrency }) : undefined;
  const limits = ownTransfers && createAdaptiveLimits({ transfers: ownTransfers, most: concurrency });
  const onRequest: RegistriesOptions['onRequest'] = (record, registry) => {
    if (limits !== undefined) observe(record, registry, limits);
    settings.onRequest?.(record, registry);
  };
  const { limitRate } = settings;
  const registries = createRegistries({
    ...settings,
    credentials: credentials.forDestinations,
    rateLimit: limitRate === undefined ? undefined : createRateLimit(limitRate),
    onRequest,
  });
  // A source is read with the rights to read: some registries refuse a token with more than that.
  const sourceRegistries = createRegistries({ ...settings, credentials: credentials.forSources, access: 'pull' });
  const images = onceOpened(() => openLocalImages({ dataDir: settings.dataDir, environment, onWarning: warn }));
  const stores = onceOpened(() => openStores(settings));
  const openImages = async () => settings.imageStore ?? (await images.get());
  const sources: SourceDoors = {
    ...settings,
    registries: createSourceRegistries({
      registries: sourceRegistries,
      credentials: credentials.forSources,
      attempts,
      warn,
    }),
    images: storedImages(openImages),
  };
  const subjects = createSubjects({ registries, sourceRegistries, credentials, attempts, warn });
  const pushers = onceOpened(async () => {
    const { metadataStore, layerCache } = await pushStores(settings, stores.get);
    const folder = settings.cache ? (settings.dataDir ?? environment.dataFolder) : settings.dataDir;
    const made = createPushers({
      transfers: settings.transfers ?? ownTransfers!,
      sharedTurns: settings.sharedTurns,
      metadataStore,
      layerCache,
      attempts,
      gzipLevel: settings.gzipLevel,
      trustKey: settings.trustKey ?? (() => trustKeyIn(folder, warn)),
      retry: { hostBackoff: settings.hostBackoff ?? createHostBackoff() },
    });
    return { ...made, async [Symbol.asyncDispose]() {} };
  });
  const parts = { ...settings, credentials, registries, sources, subjects, pushers: pushers.get, openImages };
  const client: Client = {
    credentials: credentials.forDestinations,
    async push(request) {
      const { results, refusedTags } = await client.pushSettled(request);
      if (refusedTags.length > 0 || !results.every((result) => result.ok)) {
        throw new PushFailedError(results, refusedTags);
      }
      return results as readonly PushedImage[];
    },
    async pushSettled(request) {
      const read = readPushRequest(request);
      return await lifetime.run(request, (signal) => runPush({ ...read, signal }, parts));
    },
    async attach(request) {
      assertAttachRequest(request);
      const { results } = await lifetime.run(request, (signal) => runAttach({ ...request, signal }, parts));
      const [result] = results;
      if (result?.ok !== true) throw new PushFailedError(results, []);
      return result;
    },
    async referrers(image, options = {}) {
      const reference = parseSubject(image);
      assertOptions('options', options, { optional: { artifactType: aText, platform: anything, signal: aSignal } });
      const { platform } = readOptions('push', { platform: options.platform });
      return await lifetime.run(options, (signal) => subjects.referrersOf(reference, { ...options, platform, signal }));
    },
    async pushAll(deliveries, options = {}) {
      assertKnown(options, bagOf('a push of several images', deliveryOptionNames));
      return await lifetime.run(options, (signal) => pushDeliveries(deliveries, { ...options, signal }, parts));
    },
    async open(source, openOptions = {}) {
      assertArgument('source', source, aText);
      assertOptions('options', openOptions, {
        optional: {
          platform: anObject,
          referrers: aBoolean,
          incomplete: oneOf('refuse', 'list'),
          unpaired: oneOf('refuse', 'carry'),
          recognise: aBoolean,
          allTags: aBoolean,
          signal: aSignal,
        },
      });
      return await lifetime.run(openOptions, (signal) => openSourceText(source, { ...openOptions, signal }, sources));
    },
    async repository(name, repositoryOptions = {}) {
      assertArgument('name', name, either(aString, anObject));
      assertOptions('options', repositoryOptions, {
        optional: { signal: aSignal, access: oneOf('push', 'pull') },
      });
      const reference = typeof name === 'string' ? parseName(name) : name;
      const isRead = repositoryOptions.access === 'pull';
      if (!isRead) credentials.assertFor([reference.registry]);
      const ways = isRead ? sourceRegistries : registries;
      return await lifetime.run(repositoryOptions, (signal) => connectTo(reference, ways, { signal, attempts, warn }));
    },
    async verifyLogin(registry, shown, loginOptions = {}) {
      assertOptions('options', loginOptions, { optional: { onAttempt: aFunction, signal: aSignal } });
      const given = shown === undefined ? undefined : readCredentials(shown);
      await lifetime.run(loginOptions, (signal) =>
        verifyLogin(registry, given, { ...settings, ...loginOptions, signal }),
      );
    },
    waysTo: (registry) => registries.waysTo(registry),
    async [Symbol.asyncDispose]() {
      lifetime.abort();
      await ownTransfers?.[Symbol.asyncDispose]();
      await lifetime[Symbol.asyncDispose](); // pushes close their sources, now that nothing reads them
      await registries[Symbol.asyncDispose]();
      await sourceRegistries[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
      await images[Symbol.asyncDispose]();
    },
  };
  return client;
}

function parseName(name: string): Reference {
  assertNoUser(name);
  return parseReference(name);
}

async function pushStores(
  { isolated = false, metadataStore, layerCache }: ResolvedClientOptions,
  open: () => Promise<Stores>,
): Promise<Pick<ResolvedClientOptions, 'metadataStore' | 'layerCache'>> {
  if (isolated || (metadataStore !== undefined && layerCache !== undefined)) return { metadataStore, layerCache };
  const stores = await open();
  return { metadataStore: metadataStore ?? stores.metadataStore, layerCache: layerCache ?? stores.layerCache };
}
