import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { sendJSON } from '../docker/send-json.ts';
import { errorText } from './error-text.ts';
import { statusOf } from './status-of.ts';

/** Answers with docker's form of an error: its status, and its message as JSON. */
export function answerError(reply: FastifyReply, error: unknown, log: Logger): FastifyReply {
  const status = statusOf(error);
  if (status === 500) log.error({ err: error, requestId: reply.request.id }, 'a request failed');
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="slipwayd"');
  if (status === 503) reply.header('retry-after', '5');
  const { raw } = reply.request;
  // What is left of the body is not waited for: a client that has not sent it all would hold the connection.
  if (!raw.complete) reply.header('connection', 'close');
  return sendJSON(reply, { message: errorText(error) }, status);
}
