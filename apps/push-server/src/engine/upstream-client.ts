import type { IncomingHttpHeaders } from 'node:http';

/** Longer names are nobody's; they would only fill the registry's log. */
const maxLength = 512;

/**
 * What the registry is told of the daemon's client, as docker's daemon tells it:
 * `UpstreamClient(Docker-Client/28.2.2 \(linux\))`. Undefined for a client without a name.
 */
export function upstreamClientOf(headers: IncomingHttpHeaders): string | undefined {
  const name = headers['user-agent']?.trim().slice(0, maxLength) ?? '';
  return name === '' ? undefined : `UpstreamClient(${name.replace(/[();\\]/g, '\\$&')})`;
}
