import type { RegistryFacts } from '@slipway/client';
import type { CredentialStep, CredentialsError } from '@slipway/docker-credentials';
import type { CertificateError } from '@slipway/registry-client/tls';
import { causesOf, errorCodeOf } from './exit-code.ts';

/** What to do about a file or a helper that is of no use. */
export function credentialsErrorAdvice({ facts, cause }: CredentialsError): string {
  const { reason, file, namedBy, helper } = facts;
  switch (reason) {
    case 'missing':
      return namedBy === undefined ? 'it is named by --authfile' : `it is named by ${namedBy}`;
    case 'unreadable':
      return unreadableAdvice(causesOf(cause).map(errorCodeOf).find(isOfSystem));
    case 'malformed':
      return namedBy === undefined
        ? 'correct the file, or name another with --authfile'
        : `correct the file, which ${namedBy} names`;
    case 'malformed-entry':
      return 'correct the entry: `slipway login REGISTRY` writes it anew';
    case 'unwritable':
      return unwritableAdvice(causesOf(cause).map(errorCodeOf).find(isOfSystem));
    case 'helper-missing':
      return `install it, or take it out of ${file}`;
    case 'helper-timeout':
      return `it may wait for a keychain to be unlocked; try \`${helper} list\` by hand; it is named by ${file}`;
    default:
      return `try \`${helper} list\` by hand; it is named by ${file}`;
  }
}

function unwritableAdvice(code: string | undefined): string {
  const other = 'or name another file with --authfile';
  if (code === 'ENOSPC' || code === 'EDQUOT') return `the disk is full: free some space, ${other}`;
  if (code === 'EROFS') return 'the file system is read-only: name another file with --authfile';
  return `check the permissions, ${other}`;
}

/** What to do about a certificate or a key that cannot be used. */
export function certificateErrorAdvice({ facts }: CertificateError): string {
  switch (facts.reason) {
    case 'unpaired':
      return 'a client certificate is x.cert with its key x.key; the certificates of authorities end in .crt';
    case 'unreadable':
      return 'check the path and the permissions';
    default:
      return 'correct the file, or take it out of the folder';
  }
}

/** What to do about credentials that a registry wants, or refused. */
export function refusedCredentialsAdvice({ registry, credentials, wasAsked }: RegistryFacts): string {
  const { found, steps } = credentials;
  const login = `slipway login ${registry}`;
  if (found === undefined) return missingCredentialsAdvice(steps, registry) ?? login;
  const owner = found.username === undefined ? '' : ` of ${JSON.stringify(found.username)}`;
  if (!wasAsked) {
    return `there are credentials${owner} ${whereOf(found)}, but ${registry} asked for none, so none were shown`;
  }
  if (found.endsInLineBreak) {
    return (
      `the password${owner} ${whereOf(found)} ends in a line break, as \`echo\` leaves one: make it with ` +
      `\`printf\`, or use \`${login}\``
    );
  }
  if (found.place === undefined) return `check --username and the password; to keep them: ${login}`;
  if (found.helper !== undefined) {
    return (
      `${found.helper}, named by ${found.place}, has credentials${owner} that the registry refuses: sign ` +
      `in anew where they come from, or use \`${login}\``
    );
  }
  return `the credentials${owner} ${whereOf(found)} are refused: ${login}`;
}

/** Where credentials came from, as the end of a sentence. */
export function whereOf({
  place,
  helper,
}: {
  readonly place: string | undefined;
  readonly helper: string | undefined;
}): string {
  if (place === undefined) return 'in --username';
  return helper === undefined ? `in ${place}` : `from ${helper}, which ${place} names`;
}

function missingCredentialsAdvice(steps: readonly CredentialStep[], registry: string): string | undefined {
  const silent = steps.find(({ helper, error }) => helper !== undefined && error === undefined);
  if (silent?.helperSaid !== undefined) {
    return (
      `${silent.helper}, named by ${silent.place}, has no credentials for ${registry}; it said: ` +
      `${silent.helperSaid}`
    );
  }
  if (silent !== undefined) {
    return `${silent.helper}, named by ${silent.place}, has no credentials for ${registry}: slipway login ${registry}`;
  }
  return undefined;
}

function unreadableAdvice(code: string | undefined): string {
  if (code === 'EACCES' || code === 'EPERM') return 'check who owns the file; `sudo docker login` leaves it to root';
  if (code === 'EISDIR') return 'it is a folder: docker makes one where a file that does not exist is mounted';
  return 'check the file, or name another with --authfile';
}

/** What the operating system said, such as `EROFS`. */
function isOfSystem(code: string | undefined): boolean {
  return code !== undefined && /^E(?!RR_)[A-Z0-9]+$/.test(code);
}
