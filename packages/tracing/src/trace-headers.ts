import { context, propagation } from '@opentelemetry/api';
import { harmless } from './harmless.ts';

/** Longer ones make servers refuse a request. */
const maxValueChars = 1024;
const name = /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const value = /^[\x20-\x7e]*$/;
/** What a request says by itself. */
const taken: ReadonlySet<string> = new Set(['authorization', 'cookie', 'host', 'connection', 'transfer-encoding']);

/**
 * Headers that let the server go on with the trace: those of the propagator that the process has, `traceparent` and
 * `tracestate` for most. Baggage stays here: what an application notes of its users is no business of a registry.
 * Headers that could change or break the request are left out. Empty without an SDK.
 */
export function traceHeaders(): Readonly<Record<string, string>> {
  const carrier: Record<string, unknown> = {};
  harmless(() => propagation.inject(propagation.deleteBaggage(context.active()), carrier));
  const fit = Object.entries(carrier).flatMap(([key, text]) => {
    const small = key.toLowerCase();
    const isFit = typeof text === 'string' && text.length <= maxValueChars && value.test(text) && name.test(small);
    return isFit && !taken.has(small) && !small.startsWith('content-') ? [[small, text] as const] : [];
  });
  return Object.fromEntries(fit);
}
