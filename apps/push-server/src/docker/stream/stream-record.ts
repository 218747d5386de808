import { printable } from '@slipway/client/program';
import { encodeGoJSON } from '@slipway/manifest';
import { progressText } from './progress-text.ts';

/** What a streamed answer of the Engine API is made of. */
export type StreamRecord =
  /** A line by itself. */
  | { readonly kind: 'message'; readonly status: string }
  /** Text that the client prints as it is. */
  | { readonly kind: 'text'; readonly stream: string }
  /** What happens to one layer, with how far it is. */
  | {
      readonly kind: 'action';
      readonly id: string;
      readonly status: string;
      readonly current?: number | undefined;
      readonly total?: number | undefined;
    }
  /** For programs: clients do not print it. */
  | { readonly kind: 'aux'; readonly aux: Readonly<Record<string, unknown>> }
  /** The last one of a failed operation. */
  | { readonly kind: 'error'; readonly message: string };

/**
 * One record as docker's daemon writes it, with the CRLF at its end. The order of the keys is part of it.
 *
 * @see https://github.com/moby/moby/blob/v28.5.2/pkg/streamformatter/streamformatter.go
 */
export function encodeRecord(record: StreamRecord): string {
  return `${encodeGoJSON(documentOf(record))}\r\n`;
}

function documentOf(record: StreamRecord): Readonly<Record<string, unknown>> {
  switch (record.kind) {
    case 'message':
      return { status: printable(record.status) };
    case 'text':
      return { stream: record.stream };
    case 'action': {
      const { id, status, current = 0, total = 0 } = record;
      const progressDetail = { current: current || undefined, total: total || undefined };
      return { status: printable(status), progressDetail, progress: progressText(current, total), id };
    }
    case 'aux':
      return { progressDetail: {}, aux: record.aux };
    case 'error':
      return { errorDetail: { message: record.message }, error: record.message };
    default:
      return record satisfies never;
  }
}
