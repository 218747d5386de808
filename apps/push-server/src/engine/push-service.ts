import type { Client, Delivery, PushReport, PushRequest } from '@slipway/client';
import type { Descriptor } from '@slipway/manifest';
import type { PushAllOptions, PushResult } from '@slipway/push';
import { defaultTag, type Reference } from '@slipway/reference';
import type { Logger } from 'pino';
import type { Metrics } from '../operation/metrics.ts';
import type { PushBoard, PushSubject } from '../page/push-board.ts';
import type { Egress } from '../security/egress.ts';
import type { FairTransfers } from './fair-transfers.ts';
import {
  type PushChoices,
  type PushDefaults,
  type PushSettings,
  readPushSettings,
  type SettingsFace,
} from './push-settings.ts';
import type { Identity, RegistryClients } from './registry-clients.ts';

/** One image, and everywhere it goes. */
export interface ServiceDelivery extends Delivery {
  readonly to: readonly Reference[];
}

/** In whose name, and as who chose it. */
export interface ServiceOptions extends Pick<PushAllOptions, 'signal' | 'onEvent'> {
  readonly identity: Identity;
  /** What was chosen for this push. @default as the daemon was started */
  readonly settings?: { readonly face: SettingsFace; readonly chosen: PushSettings } | undefined;
  /** What the status page calls it. @default it is not shown */
  readonly subject?: PushSubject | undefined;
}

export interface ServicePushOptions extends ServiceOptions, Pick<PushAllOptions, 'onDelivered' | 'stopAtFailure'> {}

/** A source, and everywhere it goes. */
export interface ServiceRequest extends Pick<PushRequest, 'source' | 'leaveOut'> {
  /** Repositories where every tag is pushed. */
  readonly to: readonly Reference[];
}

/**
 * Pushes in somebody's name, sharing work with all other pushes of the same name. Used by the Engine API and by jobs.
 */
export interface PushService {
  /**
   * What a push would be told: what was chosen for it, then what the daemon was started with.
   *
   * @throws {RequestError} 400
   */
  choices(face: SettingsFace, settings: PushSettings): PushChoices;
  /** As `Client.pushSettled`: any source, with everything that `slipway push` can be told. */
  pushSource(request: ServiceRequest, options: ServiceOptions): Promise<PushReport>;
  /**
   * What a tag or digest of a registry names now, asked with an identity's rights.
   *
   * @returns undefined where it names nothing
   * @throws {RegistryError} that says why the registry cannot be asked
   */
  resolve(reference: Reference, options: Pick<ServiceOptions, 'identity' | 'signal'>): Promise<Descriptor | undefined>;
  /** As `Client.pushAll`: a destination that fails is a result. Rejects with `signal.reason` on abort. */
  push(
    deliveries: readonly ServiceDelivery[],
    options: ServicePushOptions,
  ): Promise<readonly (readonly PushResult[])[]>;
}

export interface PushServiceOptions {
  readonly clients: RegistryClients;
  readonly egress: Pick<Egress, 'assertRegistry'>;
  readonly transfers: Pick<FairTransfers, 'as'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly board: PushBoard;
  readonly defaults: PushDefaults;
}

/** Makes the one service through which everything is pushed. */
export function createPushService(options: PushServiceOptions): PushService {
  const { clients, egress, transfers, metrics, log, board, defaults } = options;
  type Told = NonNullable<ServiceOptions['onEvent']>;
  type Push<Ended> = (client: Client, options: PushChoices & { readonly onEvent: Told }) => Promise<Ended>;

  /** Pushes with the client of an identity, and tells everybody who watches. */
  const run = async <Ended>(
    references: readonly Reference[],
    { identity, subject, settings, onEvent }: ServiceOptions,
    push: Push<Ended>,
    resultsOf: (ended: Ended) => readonly PushResult[],
  ): Promise<Ended> => {
    const { link, push: choices } = readPushSettings(settings?.face ?? 'docker', settings?.chosen ?? {}, defaults);
    for (const { registry } of references) egress.assertRegistry(registry);
    await using lease = await clients.lease({ ...identity, link });
    const started = performance.now();
    using shown = board.begin(subject, references);
    const tell: Told = (event) => {
      metrics.countEvent(event);
      shown.tell(event);
      if (event.type === 'warning') log.warn({ destination: event.destination }, event.message);
      onEvent?.(event);
    };
    const ended = await transfers.as(subject?.principal ?? '', () => push(lease.client, { ...choices, onEvent: tell }));
    const results = resultsOf(ended);
    shown.end(results);
    for (const result of results) {
      metrics.countResult(result);
      const seconds = (performance.now() - started) / 1000;
      metrics.pushSeconds.observe({ outcome: result.ok ? 'pushed' : 'failed' }, seconds);
    }
    return ended;
  };

  return {
    choices: (face, settings) => readPushSettings(face, settings, defaults).push,
    async push(deliveries, { stopAtFailure, onDelivered, ...options }) {
      const { signal } = options;
      return await run(
        deliveries.flatMap(({ to }) => to),
        options,
        (client, choices) =>
          client.pushAll(deliveries, { ...withoutPlatform(choices), signal, stopAtFailure, onDelivered }),
        (ended) => ended.flat(),
      );
    },
    async pushSource({ source, to, leaveOut }, options) {
      const { signal } = options;
      return await run(
        to,
        options,
        (client, choices) => client.pushSettled({ ...choices, source, to, leaveOut, signal }),
        ({ results }) => results,
      );
    },
    async resolve(reference, { identity, signal }) {
      egress.assertRegistry(reference.registry);
      await using lease = await clients.lease(identity);
      const repository = await lease.client.repository(reference, { access: 'pull', signal });
      return await repository.resolve(reference.digest ?? reference.tag ?? defaultTag, { signal });
    },
  };
}

/** Each delivery has its own. */
function withoutPlatform<Choices extends PushChoices>({
  platform: _each,
  ...choices
}: Choices): Omit<Choices, 'platform'> {
  return choices;
}
