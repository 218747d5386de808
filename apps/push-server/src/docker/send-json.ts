import { encodeGoJSON } from '@slipway/manifest';
import type { FastifyReply } from 'fastify';

/** Answers as docker's daemon does: HTML characters as they are, a newline at the end. */
export function sendJSON(reply: FastifyReply, value: unknown, status = 200): FastifyReply {
  const body = `${encodeGoJSON(value as never, { escapeHTML: false })}\n`;
  return reply.code(status).header('content-type', 'application/json').send(body);
}
