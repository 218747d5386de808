import type { Finding } from './check.ts';
import type { DoctorTarget } from './doctor-target.ts';

/** What a check says that looks at a repository, when only the registry is named. */
export function repositoryWanted({ registry }: DoctorTarget): Finding {
  return { status: 'skipped', summary: `name a repository to try it: slipway doctor ${registry}/REPOSITORY` };
}
