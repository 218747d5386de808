import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder, testCertificates } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Asked, ask } from './ask.ts';
import { type Farm, startFarm } from './farm.ts';
import { type Issuer, startIssuer } from './issuer.ts';
import { operations } from './operations.ts';
import { rules, type Shown, showPrincipals, subjectsOf } from './principals.ts';

// Principals across, operations down; `no` is a stream that begins and ends with a refusal. Who sees nothing of a thing
// is answered as if it were not there.
const [header = '', ...lines] = (await readFile(new URL('matrix.txt', import.meta.url), 'utf8')).trimEnd().split('\n');
const columns = header.split(/ +/).slice(1);
const cellsOf = new Map(
  lines.map((line) => {
    const [name = '', cells = ''] = line.split(/ {2,}(.*)/);
    return [name, cells.split(/ +/)] as const;
  }),
);

let farm: Farm;
let issuer: Issuer;
let folder: TemporaryFolder;
let principals: ReadonlyMap<string, Shown>;
beforeAll(async () => {
  folder = await temporaryFolder();
  issuer = await startIssuer();
  const certificates = await testCertificates({ clients: subjectsOf });
  const files = { tlsCert: 'cert', tlsKey: 'key', tlsCa: 'ca' } as const;
  for (const name of Object.values(files)) await writeFile(join(folder.path, name), certificates[name]);
  farm = await startFarm({
    ...Object.fromEntries(Object.entries(files).map(([setting, name]) => [setting, join(folder.path, name)])),
    ...{ ...rules, oidcIssuer: issuer.url, oidcAudiences: ['slipwayd'] },
  });
  principals = await showPrincipals(farm.server, { issuer, certificates });
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test('every principal is a column, every operation a row, every route of the server in one of them', () => {
  expect([...principals.keys()]).toEqual(columns);
  expect(Object.keys(operations)).toEqual([...cellsOf.keys()]);
  const routes = new Set([...cellsOf.keys()].map((name) => name.split(', ')[0]));
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
  ...[
    'readOwn',
    'loadOwn',
    'tagOwn',
    'pushOwn',
    'jobsOwn',
    'team',
    'other',
    'oidcOwn',
    'oidcNone',
    'certOwn',
    'certNone',
    'expired',
    'revoked',
    'nobody',
  ],
]);

test.each(Object.keys(operations))('%s', async (name) => {
  const cellOf = async ({ headers, to }: Shown, principal: string): Promise<string> => {
    const answer = await operations[name]?.(farm, async (asked) => {
      const told = await ask({ ...asked, headers: { ...headers, ...asked.headers }, to });
      assertHidden(principal, asked, told);
      return told;
    });
    const isRefused = answer?.status === 200 && answer.body.includes('"errorDetail":{"message":"forbidden');
    return isRefused ? 'no' : String(answer?.status);
  };
  const cells: string[] = [];
  if (name.startsWith('GET ')) {
    // What only reads leaves nothing behind: all ask at once.
    cells.push(...(await Promise.all([...principals].map(([principal, shown]) => cellOf(shown, principal)))));
  } else {
    for (const [principal, shown] of principals) {
      cells.push(await cellOf(shown, principal));
      await farm.tidy();
    }
  }
  expect(cells.join(' ')).toBe(cellsOf.get(name)?.join(' '));
});
