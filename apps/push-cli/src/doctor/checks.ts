import type { Check } from './check.ts';
import { checkAccess } from './check-access.ts';
import { checkAddress } from './check-address.ts';
import { checkCertificates } from './check-certificates.ts';
import { checkClock } from './check-clock.ts';
import { checkCredentials } from './check-credentials.ts';
import { checkDaemon } from './check-daemon.ts';
import { checkFiles } from './check-files.ts';
import { checkManifest } from './check-manifest.ts';
import { checkProgram } from './check-program.ts';
import { checkProxy } from './check-proxy.ts';
import { checkRegistry } from './check-registry.ts';
import { checkTLS } from './check-tls.ts';
import { checkUpload } from './check-upload.ts';

/** What is looked at, in this order: each may build on those before it. */
export const checks: readonly Check[] = [
  checkProgram,
  checkFiles,
  checkCredentials,
  checkProxy,
  checkAddress,
  checkTLS,
  checkCertificates,
  checkRegistry,
  checkClock,
  checkAccess,
  checkManifest,
  checkUpload,
];

/** Those that need no registry. */
export const machineChecks: readonly Check[] = [checkProgram, checkFiles, checkProxy];

/** The same where a push goes to a daemon: that is said first. */
export function withDaemon(all: readonly Check[]): readonly Check[] {
  return [checkDaemon, ...all];
}
