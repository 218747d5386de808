import { readFile } from 'node:fs/promises';
import type { FastifyReply } from 'fastify';
import type { RegisterRoutes } from '../http/routes.ts';

/** Nothing from elsewhere, nothing inline, no frames, no forms that leave. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const files = {
  '/slipway/': { file: 'status-page.html', type: 'text/html; charset=utf-8' },
  '/slipway/status-page.css': { file: 'status-page.css', type: 'text/css; charset=utf-8' },
  '/slipway/status-page.js': { file: 'status-page.js', type: 'text/javascript; charset=utf-8' },
} as const;

/**
 * The status page: three files that tell nothing themselves, so anybody may have them. What they show is asked for with the
 * rights of whoever looks.
 */
export const registerPageRoutes: RegisterRoutes = (app) => {
  for (const [url, { file, type }] of Object.entries(files)) {
    const content = readFile(new URL(`./client/${file}`, import.meta.url));
    content.catch(() => {}); // told to whoever asks
    app.get(url, { config: { access: 'open' } }, async (_request, reply) =>
      reply
        .headers({
          'content-type': type,
          'content-security-policy': policy,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-cache',
        })
        .send(await content),
    );
  }
  const redirect = async (_request: unknown, reply: FastifyReply): Promise<FastifyReply> =>
    await reply.redirect('/slipway/');
  app.get('/', { config: { access: 'open' } }, redirect);
  app.get('/slipway', { config: { access: 'open' } }, redirect);
};
