import { encodeGoJSON } from '@slipway/manifest';
import type { FastifyReply } from 'fastify';

/** Answers as docker's daemon does: HTML characters as they are, a newline at the end. */
export function sendJSON(reply: FastifyReply, value: unknown, status = 200): FastifyReply {
  const body = `${encodeGoJSON(value, { escapeHTML: false })}\n`;
  // As bytes: to a text fastify adds a charset, and docker's client compares the whole of `application/json`.
  return reply.code(status).header('content-type', 'application/json').send(Buffer.from(body));
}
