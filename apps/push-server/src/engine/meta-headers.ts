import type { IncomingHttpHeaders } from 'node:http';

/** Headers that a client wants the registry to see: lower-case name to value. */
export type MetaHeaders = Readonly<Record<string, string>>;

/** The `X-Meta-*` headers of a request. */
export function metaHeadersOf(headers: IncomingHttpHeaders): MetaHeaders {
  const found = Object.entries(headers).filter(([name]) => name.startsWith('x-meta-'));
  return Object.fromEntries(
    found.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
