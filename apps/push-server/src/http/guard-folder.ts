import type { ServerResponse } from 'node:http';
import type { FastifyRequest, RouteHandlerMethod } from 'fastify';
import { encodeRecord } from '../docker/stream/stream-record.ts';
import { FolderHangs, type FolderHealth } from '../engine/folder/folder-health.ts';
import { givenUp } from './client-signal.ts';
import { mediaTypeOf } from './media-type.ts';

/** An upload, or a stream of progress, may well wait for a disk that comes back; who asks a question may not. */
const patienceMs = 20_000;

/** Answers for a handler that needs the data folder while that hangs, and ends what the handler does. */
export function guardFolder(handler: RouteHandlerMethod, folder: FolderHealth): RouteHandlerMethod {
  return async function guarded(this: ThisParameterType<RouteHandlerMethod>, request, reply) {
    folder.assertUp();
    const { raw } = reply;
    let told = 0;
    try {
      return await folder.inTime(Promise.resolve(handler.call(this, request, reply)), {
        patienceMs: () => (raw.headersSent || isUpload(request) ? patienceMs : 0),
        isAlive() {
          const before = told;
          told = raw.headersSent ? (raw.socket?.bytesWritten ?? 0) : 0;
          return told > before;
        },
      });
    } catch (error) {
      if (error instanceof FolderHangs) {
        raw.emit(givenUp, error);
        // Who streams its answer has taken it out of the framework's hands.
        if (reply.sent) tell(error, raw);
      }
      throw error;
    }
  };
}

/** Docker's and tus's bodies are no JSON. */
function isUpload({ headers }: FastifyRequest): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return hasBody && mediaTypeOf(headers) !== 'application/json';
}

/** As the last record of a stream of docker's, or as an answer where there was none so far; a file just ends. */
function tell({ status, message }: FolderHangs, raw: ServerResponse): void {
  const isRecords = raw.getHeader('content-type') === 'application/json';
  if (raw.headersSent && !isRecords) raw.destroy();
  else if (raw.headersSent) raw.end(encodeRecord({ kind: 'error', message }));
  else {
    const headers = { 'content-type': 'application/json', 'retry-after': '5', connection: 'close' };
    raw.writeHead(status, headers).end(`${JSON.stringify({ message })}\n`);
  }
}
