import type { IncomingHttpHeaders } from 'node:http';

/** What a request says its body is, in lower case and without parameters; '' where it says nothing. */
export function mediaTypeOf(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
