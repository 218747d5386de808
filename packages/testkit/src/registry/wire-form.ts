import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { WireQuirks } from './quirks.ts';

const encoders = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };

/** Codes a body as the registry's proxy does. */
export function codeBody(bytes: Uint8Array, { coding = 'none' }: Partial<WireQuirks>): Uint8Array {
  return coding === 'none' || coding === 'label' ? bytes : encoders[coding](bytes);
}

/** The Content-Encoding of a body: streamed ones are blobs, which only ever get the label. */
export function codingOf(isStreamed: boolean, { coding = 'none' }: Partial<WireQuirks>): string | undefined {
  if (coding === 'label') return 'gzip';
  return coding === 'none' || isStreamed ? undefined : coding;
}

const requestsOn = new WeakMap<Socket, number>();

/** Counts the request, and resets the connection if that was one too many. Returns whether it did. */
export function resetReused({ socket }: IncomingMessage, { requestsPerConnection }: Partial<WireQuirks>): boolean {
  const count = (requestsOn.get(socket) ?? 0) + 1;
  requestsOn.set(socket, count);
  if (requestsPerConnection === undefined || count <= requestsPerConnection) return false;
  socket.resetAndDestroy();
  return true;
}

/** Sends the interim answers that go before an answer. */
export function sendInterim(response: ServerResponse, { interim = [] }: Partial<WireQuirks>): void {
  for (const status of interim) {
    if (status === 100) response.writeContinue();
    else if (status === 102) response.writeProcessing();
    else response.writeEarlyHints({ link: '</v2/>; rel=preload' });
  }
}

/** Whether the length is left to chunks, which stand beside it afterwards. */
export function isChunked({ length }: Partial<WireQuirks>): boolean {
  return length === 'beside-chunks';
}

/**
 * Changes the head of the answer that is sent next, where its form is a special one. Node itself writes none of these.
 */
export function formHead(response: ServerResponse, size: number | undefined, quirks: Partial<WireQuirks>): void {
  const { socket } = response;
  const { lineEnd, length, spaceBeforeColon, reason, http10 } = quirks;
  const isUsual = lineEnd !== 'lf' && !length && !spaceBeforeColon && reason !== false && !http10;
  if (isUsual || socket === null) return;
  if (http10) response.shouldKeepAlive = false;
  const write = socket.write.bind(socket) as (...parameters: readonly unknown[]) => boolean;
  // The head is always the beginning of the first write.
  Object.defineProperty(socket, 'write', {
    configurable: true,
    value(first: unknown, ...rest: readonly unknown[]) {
      Reflect.deleteProperty(socket, 'write');
      if (typeof first !== 'string') return write(first, ...rest);
      const end = first.indexOf('\r\n\r\n');
      return write(formed(first.slice(0, end), size, quirks) + first.slice(end + 4), ...rest);
    },
  });
}

function formed(head: string, size: number | undefined, quirks: Partial<WireQuirks>): string {
  const [status = '', ...fields] = head.split('\r\n');
  const lines = [statusLine(status, quirks), ...fields.flatMap((field) => lengthLines(field, size, quirks))];
  const spaced = quirks.spaceBeforeColon ? lines.map((line, index) => (index ? line.replace(':', ' :') : line)) : lines;
  const end = quirks.lineEnd === 'lf' ? '\n' : '\r\n';
  return spaced.map((line) => line + end).join('') + end;
}

function statusLine(line: string, { reason = true, http10 = false }: Partial<WireQuirks>): string {
  const [version, status, ...words] = line.split(' ');
  return [http10 ? 'HTTP/1.0' : version, status, reason ? words.join(' ') : ''].join(' ');
}

function lengthLines(field: string, size: number | undefined, { length }: Partial<WireQuirks>): readonly string[] {
  const [name = '', value = ''] = field.split(': ', 2);
  if (name === 'Transfer-Encoding' && length === 'beside-chunks') return [field, `Content-Length: ${size ?? 0}`];
  if (name !== 'Content-Length') return [field];
  if (length === 'twice') return [field, field];
  return [length === 'twice-in-one-line' ? `${field}, ${value}` : field];
}
