import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { credentialSourcesOf } from '@slipway/client';
import { describeCredentialPlaces, type PlaceReport } from '@slipway/docker-credentials';
import { credentialsErrorAdvice } from '../failure/credential-advice.ts';
import type { Check, Scene } from './check.ts';

/** The files that credentials are looked for in: found, skipped and why, and the helpers that they name. */
export const checkFiles: Check = {
  name: 'files',
  async run({ options, context, warn }: Scene) {
    const places = await describeCredentialPlaces(
      credentialSourcesOf({ authfile: options.authfile, environment: context.environment, warn }),
    );
    for (const remark of places.flatMap(({ remarks }) => remarks)) warn(remark);
    const skipped = places.filter(
      ({ outcome, error }) => outcome === 'skipped' && error?.facts.reason !== 'unreadable',
    );
    const closed = places.filter(({ outcome, error }) => outcome === 'skipped' && error?.facts.reason === 'unreadable');
    const read = places.filter(({ outcome }) => outcome === 'read');
    const helpers = await findHelpers(read, context.environment.variables);
    const missing = helpers.filter(({ path }) => path === undefined);
    const [first] = skipped;
    const facts = {
      places: places.map(({ place, namedBy, outcome, entries, error }) => ({
        place,
        namedBy,
        outcome,
        entries,
        problem: error?.message,
      })),
      helpers,
    };
    return {
      status: skipped.length > 0 || missing.length > 0 ? 'warning' : 'ok',
      summary: read.length === 0 ? 'no credentials file is used' : `${read.map(({ place }) => place).join(', ')}`,
      notes: [
        ...places.map(placeNote),
        ...(context.environment.homeFolder === undefined
          ? ['without a home folder there is no ~/.docker/config.json; DOCKER_CONFIG names another folder']
          : []),
        ...helpers.map(({ helper, path, place }) => `${helper}, named by ${place}: ${path ?? 'not in PATH'}`),
      ],
      facts,
      advice:
        first?.error !== undefined
          ? credentialsErrorAdvice(first.error)
          : missing.length > 0
            ? `install ${missing.map(({ helper }) => helper).join(', ')}, or take it out of the file that names it`
            : closed.length > 0 && read.length === 0
              ? 'check who owns the files, if they were meant for this user'
              : undefined,
    };
  },
};

function placeNote({ place, namedBy, outcome, entries, error }: PlaceReport): string {
  const name = namedBy === undefined ? place : `${place} (${namedBy})`;
  if (outcome === 'absent') return `${name}: not there`;
  if (error !== undefined) return `${name}: skipped: ${error.message}`;
  return `${name}: ${entries.length === 0 ? 'no entries' : entries.slice(0, 20).join(', ')}`;
}

interface FoundHelper {
  readonly helper: string;
  /** The file that names it. */
  readonly place: string;
  /** Undefined when no folder of PATH has it. */
  readonly path: string | undefined;
}

async function findHelpers(
  places: readonly PlaceReport[],
  { PATH: path = '' }: Readonly<Record<string, string | undefined>>,
): Promise<readonly FoundHelper[]> {
  const named = places.flatMap(({ place, helpers }) => helpers.map((helper) => ({ helper, place })));
  return await Promise.all(
    named.map(async ({ helper, place }) => ({ helper, place, path: await findProgram(helper, path.split(delimiter)) })),
  );
}

async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of folders.filter(Boolean)) {
    for (const ending of endings) {
      const path = join(folder, name + ending);
      const isThere = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return path;
    }
  }
  return undefined;
}
