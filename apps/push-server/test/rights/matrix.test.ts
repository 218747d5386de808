import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Asked, ask } from './ask.ts';
import { type Farm, startFarm } from './farm.ts';
import { operations } from './operations.ts';
import { type Shown, showPrincipals } from './principals.ts';

// Principals across, operations down; `no` is a stream that begins and ends with a refusal. Who sees nothing of a thing
// is answered as if it were not there.
const [header = '', ...lines] = (await readFile(new URL('matrix.txt', import.meta.url), 'utf8')).trimEnd().split('\n');
const columns = header.split(/ +/).slice(1);
const rows = new Map(
  lines.map((line) => {
    const [name = '', cells = ''] = line.split(/ {2,}(.*)/);
    return [name, cells.split(/ +/)] as const;
  }),
);

let farm: Farm;
let principals: ReadonlyMap<string, Shown>;
beforeAll(async () => {
  farm = await startFarm();
  principals = await showPrincipals(farm.server);
});
afterAll(() => farm[Symbol.asyncDispose]());

test('every principal is a column, every operation a row, every route of the server in one of them', () => {
  expect([...principals.keys()]).toEqual(columns);
  expect(Object.keys(operations)).toEqual([...rows.keys()]);
  const routes = new Set([...rows.keys()].map((name) => name.split(', ')[0]));
  expect([...routes].sort()).toEqual([...new Set(farm.server.daemon.routes)].sort());
});

/** Whatever is answered, it names nothing that is not seen, but for what the request named itself. */
function assertHidden(principal: string, asked: Omit<Asked, 'to'>, { body }: Answer): void {
  if (!hidesForeign.has(principal)) return;
  const request = `${asked.path} ${typeof asked.body === 'string' ? asked.body : ''}`;
  const isArchive = typeof asked.body === 'object';
  const secrets = [
    'team-b',
    // Somebody who sees both may have pushed it to an own repository: then it is in that job.
    ...(asked.path.startsWith('/slipway/') ? [] : [farm.ids.foreign]),
    ...Object.entries(farm.ended).flatMap(([of, id]) => (of === 'own' ? [] : id)),
  ];
  const told = secrets.filter(
    (secret) => body.includes(secret) && !isArchive && !request.includes(secret.slice(0, 20)),
  );
  expect([principal, asked.path, told]).toEqual([principal, asked.path, []]);
}

const hidesForeign: ReadonlySet<string> = new Set([
  ...['readOwn', 'loadOwn', 'tagOwn', 'pushOwn', 'jobsOwn', 'team', 'other', 'expired', 'revoked', 'nobody'],
]);

test.each(Object.keys(operations))('%s', async (name) => {
  const cells: string[] = [];
  for (const [principal, { headers, to }] of principals) {
    const answer = await operations[name]?.(farm, async (asked) => {
      const told = await ask({ ...asked, headers: { ...headers, ...asked.headers }, to });
      assertHidden(principal, asked, told);
      return told;
    });
    const isRefused = answer?.status === 200 && answer.body.includes('"errorDetail":{"message":"forbidden');
    cells.push(isRefused ? 'no' : String(answer?.status));
    await farm.tidy();
  }
  expect(cells.join(' ')).toBe(rows.get(name)?.join(' '));
});
