import { assertOptions } from '@slipway/arguments';
import { type CredentialSources, openCredentialPlaces, remarksOn, sourceKinds } from './credential-sources.ts';
import type { CredentialsError } from './errors.ts';

/** What lies in one place where credentials may be. Holds no secret. */
export interface PlaceReport {
  /** Path of the file, or name of the variable that holds one. */
  readonly place: string;
  /** The variable that names the file, if one does. */
  readonly namedBy: string | undefined;
  readonly outcome: 'absent' | 'skipped' | 'read';
  /** Names of the entries in it, as they are written there. */
  readonly entries: readonly string[];
  /** Programs of the helpers that it names: `docker-credential-pass`. */
  readonly helpers: readonly string[];
  /** What is not as docker and podman want it, in sentences. */
  readonly remarks: readonly string[];
  /** Why it is skipped. */
  readonly error: CredentialsError | undefined;
}

/**
 * Lists the places where credentials are looked for, the first to ask first, and what lies there.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` when the file that was named cannot be used
 */
export async function describeCredentialPlaces(sources: CredentialSources): Promise<readonly PlaceReport[]> {
  assertOptions('sources', sources, sourceKinds);
  const reports: PlaceReport[] = [];
  for await (const place of openCredentialPlaces(sources)) {
    const report = {
      place: place.name,
      namedBy: place.namedBy,
      entries: [],
      helpers: [],
      remarks: [],
      error: undefined,
    };
    if (place.kind === 'absent') reports.push({ ...report, outcome: 'absent' });
    else if (place.kind === 'skipped') reports.push({ ...report, outcome: 'skipped', error: place.error });
    else {
      const { auths, credHelpers, credsStore } = place.file;
      const helpers = [...Object.values(credHelpers), credsStore].filter(
        (name) => typeof name === 'string' && name !== '',
      );
      reports.push({
        ...report,
        outcome: 'read',
        entries: [...new Set([...Object.keys(auths), ...Object.keys(credHelpers)])],
        helpers: [...new Set(helpers.map((name) => `docker-credential-${name}`))],
        remarks: remarksOn(place.file, sources),
      });
    }
  }
  return reports;
}
