import type { TestCertificates } from '@slipway/testkit';
import type { ServerConfig } from '../../src/config/server-config.ts';
import { parseScope } from '../../src/security/scope.ts';
import type { TestDaemon } from '../daemon-fixture.ts';
import type { Asked } from './ask.ts';
import type { Issuer } from './issuer.ts';

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

/** Tokens of an issuer, by their claims. */
const claimsOf = {
  oidcOwn: { repository: 'team-a/app' },
  oidcNone: { repository: 'team-c/app' },
  oidcLate: { repository: 'team-a/app', exp: 1 },
} as const;

/** Owners of client certificates. */
export const subjectsOf = {
  certOwn: { subject: '/O=farm/CN=build', alternatives: 'URI:spiffe://farm/team-a/build' },
  certNone: { subject: '/O=farm/CN=somebody' },
} as const;

/** What a daemon has to be told of these. */
export const rules: Pick<ServerConfig, 'oidcRules' | 'certificateRules'> = {
  oidcRules: [{ when: { repository: ['team-a/*', 'team-b/*'] }, scopes: ['push:127.0.0.1:*/{repository}'] }],
  certificateRules: [{ when: { uri: 'spiffe://farm/team-a/*' }, scopes: [`load:${team}`] }],
};

interface Others {
  readonly issuer: Issuer;
  readonly certificates: TestCertificates;
}

/** Makes everybody who tries something. */
export async function showPrincipals(
  { daemon, port }: TestDaemon,
  { issuer, certificates }: Others,
): Promise<ReadonlyMap<string, Shown>> {
  const { tokens } = daemon.context;
  const to = { port, ca: certificates.ca };
  const bearer = (text: string): Shown => ({ headers: { authorization: `Bearer ${text}` }, to });
  const shown = new Map<string, Shown>();
  for (const [name, scopes] of Object.entries(scopesOf)) {
    shown.set(name, bearer((await tokens.create({ name, scopes: scopes.map(parseScope) })).text));
  }
  for (const [name, claims] of Object.entries(claimsOf)) shown.set(name, bearer(await issuer.token(claims)));
  for (const name of Object.keys(subjectsOf)) {
    shown.set(name, { headers: {}, to: { ...to, ...certificates.clients[name] } });
  }
  const admin = { name: 'gone', scopes: [parseScope('admin')] };
  const revoked = await tokens.create(admin);
  await tokens.revoke(revoked.token.id);
  shown.set('expired', bearer((await tokens.create({ ...admin, expiresInMs: 1 })).text));
  shown.set('revoked', bearer(revoked.text));
  shown.set('nobody', { headers: {}, to });
  return shown;
}
