import type { Answer } from './ask.ts';
import type { Ask, Farm, Jobs } from './farm.ts';

/** One thing that somebody tries. */
export type Operation = (farm: Farm, ask: Ask) => Promise<Answer>;

const get =
  (path: string): Operation =>
  (_farm, ask) =>
    ask({ method: 'GET', path });
const post =
  (path: (farm: Farm) => string, headers?: Readonly<Record<string, string>>): Operation =>
  (farm, ask) =>
    ask({ method: 'POST', path: path(farm), headers });
const read =
  (path: (farm: Farm) => string): Operation =>
  (farm, ask) =>
    ask({ method: 'GET', path: path(farm) });
const load =
  (which: keyof Farm['archives']): Operation =>
  ({ archives }, ask) =>
    ask({ method: 'POST', path: '/images/load?quiet=1', body: archives[which] });

type Names = (farm: Farm) => readonly string[];
const submit =
  (body: (farm: Farm) => object): Operation =>
  (farm, ask) => {
    const headers = { 'content-type': 'application/json' };
    return ask({ method: 'POST', path: '/slipway/v1/jobs', headers, body: JSON.stringify(body(farm)) });
  };
const push = (image: (farm: Farm) => string, destinations: Names): Operation =>
  submit((farm) => ({ image: image(farm), destinations: destinations(farm).map((name) => `${name}:job`) }));
const archive =
  (destinations: Names): Operation =>
  (farm, ask) => {
    const query = destinations(farm).map((name) => `destination=${encodeURIComponent(`${name}:job`)}`);
    return ask({
      method: 'POST',
      path: `/slipway/v1/jobs/archive?${query.join('&')}`,
      headers: { 'content-type': 'application/x-tar' },
      body: farm.archives.own,
    });
  };
const job =
  (method: string, which: keyof Jobs, { of = 'ended', verb = '' }: { of?: 'ended' | 'stuck'; verb?: string } = {}) =>
  (farm: Farm, ask: Ask): Promise<Answer> =>
    ask({ method, path: `/slipway/v1/jobs/${farm[of][which]}${verb}` });

/** Begins an upload, and does something with it; without the right to begin, with one that is not there. */
const upload =
  (method: string, headers: Readonly<Record<string, string>>, body?: string): Operation =>
  async (_farm, ask) => {
    const begun = await ask({ method: 'POST', path: '/slipway/v1/uploads', headers: { 'upload-length': '1' } });
    const id = begun.location?.split('/').at(-1) ?? 'aaaaaaaa-000000000000000000';
    return await ask({ method, path: `/slipway/v1/uploads/${id}`, headers, body });
  };
const offset = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' };

const [own, foreign]: [Names, Names] = [(farm) => [farm.own], (farm) => [farm.foreign]];
const both: Names = (farm) => [farm.own, farm.foreign];

/** What there is to try, by the name of its row: the route, then what it is about. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET /healthz': get('/healthz'),
  'GET /readyz': get('/readyz'),
  'GET /metrics': get('/metrics'),
  'GET /_ping': get('/_ping'),
  'HEAD /_ping': (_farm, ask) => ask({ method: 'HEAD', path: '/_ping' }),
  'GET /version': get('/version'),
  'GET /info': get('/info'),
  'POST /auth, own registry': (farm, ask) =>
    ask({ method: 'POST', path: '/auth', body: JSON.stringify({ serveraddress: farm.own.split('/')[0] }) }),
  'POST /auth, other registry': (_farm, ask) =>
    ask({ method: 'POST', path: '/auth', body: JSON.stringify({ serveraddress: '127.0.0.2:1' }) }),
  'GET /events': read(() => `/events?since=1&until=${Math.floor(Date.now() / 1000)}`),
  'GET /system/df': get('/system/df'),
  'GET /images/json': get('/images/json'),
  'GET /images/json, before foreign': read(
    ({ foreign }) => `/images/json?filters=${encodeURIComponent(JSON.stringify({ before: [`${foreign}:v1`] }))}`,
  ),
  'GET /images/get, own': read(({ own }) => `/images/get?names=${own}:v1`),
  'GET /images/get, foreign': read(({ foreign }) => `/images/get?names=${foreign}:v1`),
  'GET /images/get, both': read(({ own, foreign }) => `/images/get?names=${own}:v1&names=${foreign}:v1`),
  'GET /images/get, all tags of foreign': read(({ foreign }) => `/images/get?names=${foreign}`),
  'GET /images/*, get own': read(({ own }) => `/images/${own}:v1/get`),
  'GET /images/*, get foreign': read(({ foreign }) => `/images/${foreign}:v1/get`),
  'GET /images/*, get foreign by ID': read(({ ids }) => `/images/${ids.foreign}/get`),
  'GET /images/*, json own': read(({ own }) => `/images/${own}:v1/json`),
  'GET /images/*, json own by ID': read(({ ids }) => `/images/${ids.own}/json`),
  'GET /images/*, json foreign': read(({ foreign }) => `/images/${foreign}:v1/json`),
  'GET /images/*, json foreign by ID': read(({ ids }) => `/images/${ids.foreign.slice(7, 27)}/json`),
  'GET /images/*, json absent': read(({ foreign }) => `/images/${foreign}:absent/json`),
  'GET /images/*, history own': read(({ own }) => `/images/${own}:v1/history`),
  'GET /images/*, history foreign': read(({ foreign }) => `/images/${foreign}:v1/history`),
  'POST /images/load, own': load('own'),
  'POST /images/load, foreign': load('foreign'),
  'POST /images/load, both': load('both'),
  'POST /images/load, nameless': load('nameless'),
  'POST /images/prune': post(() => '/images/prune'),
  'POST /images/*, tag own as own': post(({ own }) => `/images/${own}:v1/tag?repo=${own}&tag=new`),
  'POST /images/*, tag own as foreign': post(({ own, foreign }) => `/images/${own}:v1/tag?repo=${foreign}&tag=new`),
  'POST /images/*, tag foreign as own': post(({ own, foreign }) => `/images/${foreign}:v1/tag?repo=${own}&tag=new`),
  'POST /images/*, tag absent as own': post(({ own, foreign }) => `/images/${foreign}:no/tag?repo=${own}&tag=new`),
  'POST /images/*, push own': post(({ own }) => `/images/${own}/push?tag=v1`),
  'POST /images/*, push foreign': post(({ foreign }) => `/images/${foreign}/push?tag=v1`),
  'DELETE /images/*': (_farm, ask) => ask({ method: 'DELETE', path: '/images/absent' }),
  'POST /slipway/v1/jobs, own to own': push(({ own }) => `${own}:v1`, own),
  'POST /slipway/v1/jobs, own to foreign': push(({ own }) => `${own}:v1`, foreign),
  'POST /slipway/v1/jobs, own to both': push(({ own }) => `${own}:v1`, both),
  'POST /slipway/v1/jobs, foreign to own': push(({ foreign }) => `${foreign}:v1`, own),
  'POST /slipway/v1/jobs, foreign by ID to own': push(({ ids }) => ids.foreign, own),
  'POST /slipway/v1/jobs, absent to own': push(({ foreign }) => `${foreign}:absent`, own),
  'POST /slipway/v1/jobs, all tags of foreign': submit(({ own, foreign }) => ({
    image: foreign,
    allTags: true,
    destinations: [own],
  })),
  'POST /slipway/v1/jobs, registry own to own': push(({ own }) => `docker://${own}:v1`, own),
  'POST /slipway/v1/jobs, registry own to foreign': push(({ own }) => `docker://${own}:v1`, foreign),
  'POST /slipway/v1/jobs, registry foreign to own': push(({ foreign }) => `docker://${foreign}:v1`, own),
  'POST /slipway/v1/jobs/archive, to own': archive(own),
  'POST /slipway/v1/jobs/archive, to foreign': archive(foreign),
  'POST /slipway/v1/jobs/archive, to both': archive(both),
  'GET /slipway/v1/jobs': get('/slipway/v1/jobs'),
  'GET /slipway/v1/jobs/:id, own': job('GET', 'own'),
  'GET /slipway/v1/jobs/:id, foreign': job('GET', 'foreign'),
  'GET /slipway/v1/jobs/:id, own to foreign': job('GET', 'ownToForeign'),
  'GET /slipway/v1/jobs/:id, foreign to own': job('GET', 'foreignToOwn'),
  'GET /slipway/v1/jobs/:id/events, own': job('GET', 'own', { verb: '/events' }),
  'GET /slipway/v1/jobs/:id/events, foreign': job('GET', 'foreign', { verb: '/events' }),
  'POST /slipway/v1/jobs/:id/cancel, own': job('POST', 'own', { verb: '/cancel' }),
  'POST /slipway/v1/jobs/:id/cancel, foreign': job('POST', 'foreign', { verb: '/cancel' }),
  'POST /slipway/v1/jobs/:id/cancel, own to foreign': job('POST', 'ownToForeign', { verb: '/cancel' }),
  'POST /slipway/v1/jobs/:id/retry, own': job('POST', 'own', { verb: '/retry' }),
  'POST /slipway/v1/jobs/:id/retry, foreign': job('POST', 'foreign', { verb: '/retry' }),
  'DELETE /slipway/v1/jobs/:id, own': job('DELETE', 'own', { of: 'stuck' }),
  'DELETE /slipway/v1/jobs/:id, foreign': job('DELETE', 'foreign', { of: 'stuck' }),
  'POST /slipway/v1/uploads': post(() => '/slipway/v1/uploads', { 'upload-length': '1' }),
  'HEAD /slipway/v1/uploads/:upload': upload('HEAD', {}),
  'PATCH /slipway/v1/uploads/:upload': upload('PATCH', offset, 'x'),
  'DELETE /slipway/v1/uploads/:upload': upload('DELETE', {}),
  'GET /slipway/v1/status': get('/slipway/v1/status'),
  'GET /slipway/v1/status/events': get('/slipway/v1/status/events'),
  'GET /slipway/v1/pushes/:id, own': read(({ ended }) => `/slipway/v1/pushes/${ended.own}`),
  'GET /slipway/v1/pushes/:id, foreign': read(({ ended }) => `/slipway/v1/pushes/${ended.foreign}`),
  'GET /slipway/v1/openapi.json': get('/slipway/v1/openapi.json'),
  ...Object.fromEntries(
    ['', 'status-page.css', ...['status-page', 'detail', 'format', 'lists', 'overview', 'rows', 'running', 'timeline']]
      .map((name) => `/slipway/${name}${name === '' || name.includes('.') ? '' : '.js'}`)
      .concat('/', '/slipway')
      .map((path) => [`GET ${path}`, get(path)]),
  ),
};
