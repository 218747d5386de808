import { RegistryError } from '@slipway/registry-client';
import { type Check, type Finding, notReached, type Reached, type Scene } from './check.ts';

/** A repository that nobody has: asking for it shows whether the credentials are good at all. */
const nobodys = 'slipway/doctor';

/** Whether the credentials are taken, and what they allow: the scopes that the token server grants. */
export const checkAccess: Check = {
  name: 'access',
  async run(scene) {
    const { reached, target, context } = scene;
    if (reached === undefined || target === undefined) return notReached(scene);
    const { repository } = target;
    const access = repository === undefined ? 'pull' : 'push';
    const path = repository ?? nobodys;
    const report = await reached.registry.describeAccess(path, { access, signal: context.signal });
    const facts = { ...report };
    if (report.kind !== 'token') {
      if (repository === undefined) await tryCredentials(reached, scene);
      const summary =
        report.kind === 'anonymous'
          ? 'the registry asked for no credentials, and got none'
          : `the registry gets user and password${repository === undefined ? ', and accepts them' : ''}`;
      return { status: 'ok', summary, facts };
    }
    if (repository === undefined) {
      return {
        status: 'ok',
        summary: 'the token server gave a token',
        facts,
        notes: [`to see what it allows, name a repository: slipway doctor ${target.registry}/REPOSITORY`],
      };
    }
    return grantFinding(report.granted, path, facts);
  },
};

function grantFinding(granted: readonly string[] | undefined, path: string, facts: Finding['facts']): Finding {
  if (granted === undefined)
    return { status: 'ok', summary: 'the token server gave a token, which only the registry can read', facts };
  const actions = granted
    .filter((scope) => scope.startsWith(`repository:${path}:`))
    .flatMap((scope) => scope.split(':').at(-1)?.split(',') ?? []);
  const missing = ['pull', 'push'].filter((action) => !actions.includes(action) && !actions.includes('*'));
  if (missing.length === 0) return { status: 'ok', summary: `the token allows ${granted.join(' ')}`, facts };
  return {
    status: 'warning',
    summary:
      `the token allows ${granted.length === 0 ? 'nothing' : granted.join(' ')}: ${missing.join(' and ')} ` +
      `of ${path} is missing`,
    facts,
    advice: 'the account lacks the right, the repository does not exist, or you are not logged in',
  };
}

/** Shows a password once; that the repository is not there, or not for this account, is no matter. */
async function tryCredentials({ registry }: Reached, { context }: Scene): Promise<void> {
  try {
    await registry.repository(nobodys, { access: 'pull' }).statManifest('latest', { signal: context.signal });
  } catch (error) {
    context.signal.throwIfAborted();
    const isNoMatter =
      error instanceof RegistryError && error.code !== 'ERR_REGISTRY_UNAUTHORIZED' && error.status !== undefined;
    if (!isNoMatter) throw error;
  }
}
