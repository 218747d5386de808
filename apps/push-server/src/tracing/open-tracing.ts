import { createSecureContext } from 'node:tls';
import { readFileWithin } from '@slipway/read-file';
import type { Logger } from 'pino';
import { ServerError } from '../errors.ts';
import type { OtelVariables } from './otel-variables.ts';
import { type CollectorSettings, readTraceSettings } from './trace-settings.ts';

/** Whether and how this process traces. Leaving scope sends what is left, for as long as the collector takes it. */
export interface Tracing extends AsyncDisposable {
  readonly isOn: boolean;
  /** A request may say which trace it belongs to. */
  readonly takesParents: boolean;
}

/** Nothing is traced. */
export const noTracing: Tracing = { isOn: false, takesParents: false, async [Symbol.asyncDispose]() {} };

/** The largest bundles of authorities have a few hundred kilobytes. */
const maxFileBytes = 4 * 1024 * 1024;

/** What traces are sent with, beside the settings. */
export interface CollectorTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

/**
 * Begins to trace, where the variables say so: only then the SDK is loaded.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG` when they make no sense
 */
export async function openTracing(variables: OtelVariables, log: Logger): Promise<Tracing> {
  const { settings, faults, summary } = readTraceSettings(variables);
  const [fault] = faults;
  if (fault !== undefined) throw new ServerError('ERR_SERVER_CONFIG', fault);
  if (settings === undefined) return noTracing;
  const tls = settings.collector === undefined ? {} : await collectorTls(settings.collector);
  const { startSDK } = await import('./sdk.ts');
  log.info(summary);
  return await startSDK(settings, { tls, log });
}

/** What is wrong with the variables, one sentence each. */
export async function tracingFaults(variables: OtelVariables): Promise<readonly string[]> {
  const { settings, faults } = readTraceSettings(variables);
  if (settings?.collector === undefined) return faults;
  const fault = await collectorTls(settings.collector).then(
    () => [],
    (error: Error) => [`OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE or _CLIENT_KEY: ${error.message}`],
  );
  return [...faults, ...fault];
}

async function collectorTls({ ca, cert, key }: CollectorSettings): Promise<CollectorTls> {
  const [authority, certificate, secret] = await Promise.all(
    [ca, cert, key].map(async (file) =>
      file === undefined ? undefined : Buffer.from(await readFileWithin(file, { maxBytes: maxFileBytes })),
    ),
  );
  const tls = { ca: authority, cert: certificate, key: secret };
  createSecureContext(tls);
  return tls;
}
