import type { FastifyRequest } from 'fastify';
import { type PushSettings, settingSchemasOf } from '../../engine/push-settings.ts';
import { queryText } from '../../http/query.ts';
import { validated } from '../../jobs/routes/validate.ts';

const properties = settingSchemasOf('docker');
const schema = { type: 'object', additionalProperties: false, properties };

/**
 * What a docker client chooses for one push beyond what docker knows: `?format=schema1`, or
 * `X-Slipway-Format: schema1`, which `HttpHeaders` of its configuration can hold.
 *
 * @throws {RequestError} 400
 */
export function pushSettingsOf(request: FastifyRequest): PushSettings {
  const chosen = Object.keys(properties).flatMap((name) => {
    const value = queryText(request, name) ?? request.headers[headerOf(name)];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return validated<PushSettings>('query', schema, Object.fromEntries(chosen));
}

/** `schema1Fallback` is `x-slipway-schema1-fallback`. */
function headerOf(name: string): string {
  return `x-slipway-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
