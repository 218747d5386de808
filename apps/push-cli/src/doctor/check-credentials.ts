import type { CredentialStep } from '@slipway/docker-credentials';
import { credentialsErrorAdvice } from '../failure/credential-advice.ts';
import { credentialLine } from '../failure/credential-line.ts';
import { type Check, notReached } from './check.ts';

/** Whose credentials would be shown to the registry, and where they come from; its helper is asked. */
export const checkCredentials: Check = {
  name: 'credentials',
  async run(scene) {
    const { target, credentials, context } = scene;
    if (target === undefined) return notReached(scene);
    const { registry, repository } = target;
    const report = await credentials.describe(registry, { repository, signal: context.signal });
    const { found, steps } = report;
    const failed = steps.find(({ error }) => error !== undefined && error.facts.reason !== 'unreadable');
    const facts = {
      kind: found?.kind,
      username: found?.username,
      place: found?.place,
      helper: found?.helper,
      entry: found?.key,
      endsInLineBreak: found?.endsInLineBreak,
    };
    const notes = steps.flatMap(stepNote);
    const summary = credentialLine({ registry, credentials: report }).replace(/^Credentials for /, 'for ');
    if (found?.endsInLineBreak === true) {
      return {
        status: 'warning',
        summary: `${summary}; the password ends in a line break`,
        notes,
        facts,
        advice: 'make it with `printf` in place of `echo`, or use `slipway login`',
      };
    }
    return {
      status: failed === undefined ? 'ok' : 'warning',
      summary,
      notes,
      facts,
      advice:
        failed?.error !== undefined
          ? credentialsErrorAdvice(failed.error)
          : found === undefined
            ? `if the registry wants some: slipway login ${registry}`
            : undefined,
    };
  },
};

function stepNote({ place, helper, helperSaid, error, outcome }: CredentialStep): readonly string[] {
  if (error !== undefined) return [`${place}: ${error.message}`];
  if (helper === undefined || outcome === 'absent') return [];
  if (outcome === 'used') return [`${helper}, named by ${place}, answered`];
  return [`${helper}, named by ${place}, has none${helperSaid === undefined ? '' : `; it said: ${helperSaid}`}`];
}
