import { parseScope } from '../../src/security/scope.ts';
import type { TestDaemon } from '../daemon-fixture.ts';
import type { Asked } from './ask.ts';

/** How somebody shows who they are. */
export interface Shown {
  readonly headers: Readonly<Record<string, string>>;
  readonly to: Asked['to'];
}

const team = '127.0.0.1:*/team-a/**';
const others = '127.0.0.1:*/team-b/**';

/** Tokens of the daemon, by the name of their column. */
const scopesOf = {
  admin: ['admin'],
  read: ['read'],
  readOwn: [`read:${team}`],
  load: ['load'],
  loadOwn: [`load:${team}`],
  tag: ['tag'],
  tagOwn: [`tag:${team}`],
  pushOwn: [`push:${team}`],
  jobs: ['jobs'],
  jobsOwn: [`jobs:${team}`],
  team: [`load:${team}`, `push:${team}`],
  twoTeams: [`push:${team}`, `push:${others}`],
  other: ['push:ghcr.io/other/*'],
} as const;

/** Makes everybody who tries something. */
export async function showPrincipals({ daemon, port }: TestDaemon): Promise<ReadonlyMap<string, Shown>> {
  const { tokens } = daemon.context;
  const to = { port };
  const bearer = (text: string): Shown => ({ headers: { authorization: `Bearer ${text}` }, to });
  const shown = new Map<string, Shown>();
  for (const [name, scopes] of Object.entries(scopesOf)) {
    shown.set(name, bearer((await tokens.create({ name, scopes: scopes.map(parseScope) })).text));
  }
  const admin = { name: 'gone', scopes: [parseScope('admin')] };
  const revoked = await tokens.create(admin);
  await tokens.revoke(revoked.token.id);
  shown.set('expired', bearer((await tokens.create({ ...admin, expiresInMs: 1 })).text));
  shown.set('revoked', bearer(revoked.text));
  shown.set('nobody', { headers: {}, to });
  return shown;
}
