import type { FastifyReply } from 'fastify';
import type { RegisterRoutes } from '../http/routes.ts';
import detail from './client/detail.js?raw';
import format from './client/format.js?raw';
import lists from './client/lists.js?raw';
import overview from './client/overview.js?raw';
import rows from './client/rows.js?raw';
import running from './client/running.js?raw';
import style from './client/status-page.css?raw';
import page from './client/status-page.html?raw';
import script from './client/status-page.js?raw';
import timeline from './client/timeline.js?raw';

/** Nothing from elsewhere, nothing inline, no frames, no forms that leave. */
const policy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:",
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join('; ');

const modules = { 'status-page': script, detail, format, lists, overview, rows, running, timeline };

const files = {
  '/slipway/': { content: page, type: 'text/html; charset=utf-8' },
  '/slipway/status-page.css': { content: style, type: 'text/css; charset=utf-8' },
  ...Object.fromEntries(
    Object.entries(modules).map(([name, content]) => [
      `/slipway/${name}.js`,
      { content, type: 'text/javascript; charset=utf-8' },
    ]),
  ),
};

/**
 * The status page: files that tell nothing themselves, so anybody may have them. What they show is asked for with
 * the rights of whoever looks.
 */
export const registerPageRoutes: RegisterRoutes = (app) => {
  for (const [url, { content, type }] of Object.entries(files)) {
    app.get(url, { config: { access: 'open' } }, async (_request, reply) =>
      reply
        .headers({
          'content-type': type,
          'content-security-policy': policy,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-cache',
        })
        .send(content),
    );
  }
  const redirect = async (_request: unknown, reply: FastifyReply): Promise<FastifyReply> =>
    await reply.redirect('/slipway/');
  app.get('/', { config: { access: 'open' } }, redirect);
  app.get('/slipway', { config: { access: 'open' } }, redirect);
};
