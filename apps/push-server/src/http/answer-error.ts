import { printable } from '@slipway/client/program';
import { registryErrorOf } from '@slipway/registry-client';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { sendJSON } from '../docker/stream/send-json.ts';
import { RequestError } from '../errors.ts';
import { errorText } from './error-text.ts';
import { statusOf } from './status-of.ts';

/** Answers with docker's form of an error: its status, and its message as JSON. */
export function answerError(reply: FastifyReply, error: unknown, log: Logger): FastifyReply {
  const status = statusOf(error);
  const answer = registryErrorOf(error);
  // A registry that fails is not this daemon's fault: its answer says what there is to say.
  if (answer !== undefined) log.info({ requestId: reply.request.id, status }, `a registry failed: ${answer.message}`);
  else if (status === 500) log.error({ err: error, requestId: reply.request.id }, 'a request failed');
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="slipwayd"');
  if (status === 503) reply.header('retry-after', '5');
  const message = errorText(error);
  // Docker's clients are told as dockerd tells them.
  const isOwn = reply.request.url.startsWith('/slipway/');
  if (!isOwn) return sendJSON(reply, { message }, status);
  const { reason, origin, hint } = error instanceof RequestError ? error : {};
  return sendJSON(
    reply,
    { message, code: codeOf(error, status), reason, origin, hint: hint && printable(hint) },
    status,
  );
}

/** The code of what went wrong; the framework's own codes are not shown. */
function codeOf(error: unknown, status: number): string {
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  if (typeof code === 'string' && code.startsWith('ERR_') && statusCode === undefined) return code;
  return status === 500 ? 'ERR_UNKNOWN' : new RequestError(status, '').code;
}
