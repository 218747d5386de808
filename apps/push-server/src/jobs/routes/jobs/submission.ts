import { parseDestinations, registryNamed } from '@slipway/client';
import type { AuthConfig } from '@slipway/docker-credentials';
import { canonicalName, formatReference } from '@slipway/reference';
import type { FastifyRequest } from 'fastify';
import type { EngineContext } from '../../../engine/engine-context.ts';
import { settingSchemasOf } from '../../../engine/push-settings.ts';
import { authConfigOf } from '../../../engine/registry-auth.ts';
import { RequestError } from '../../../errors.ts';
import { assertAllowed, type Principal } from '../../../security/principal.ts';
import type { JobOptions, JobPriority } from '../../record/job.ts';
import { jobSchemas, type Schema } from '../job-schemas.ts';
import { validated } from '../validate.ts';

export interface SubmitOptions {
  readonly priority?: JobPriority | undefined;
  readonly allTags?: boolean | undefined;
  readonly credentialsName?: string | undefined;
}

export interface SubmitBody extends JobOptions, SubmitOptions {
  readonly image?: string | undefined;
  readonly upload?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly webhook?: { readonly url: string; readonly secret?: string | undefined } | undefined;
  readonly destinations: readonly string[];
  readonly credentials?: Readonly<Record<string, AuthConfig>> | undefined;
}

export interface ArchiveQuery extends JobOptions, SubmitOptions {
  readonly destination: readonly string[];
  readonly image?: string | undefined;
  readonly label?: readonly string[] | undefined;
  readonly webhook?: string | undefined;
  readonly wait?: string | undefined;
}

export const maxKeyChars = 255;

export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || key === '' || key.length > maxKeyChars) {
    throw new RequestError(400, `invalid Idempotency-Key: expected 1 to ${maxKeyChars} characters`);
  }
  return key;
}

/** @throws {RequestError} 403; {@link parseDestinations}' error */
export function allowedDestinations(
  texts: readonly string[],
  { allTags }: SubmitOptions,
  principal: Principal,
  { egress }: Pick<EngineContext, 'egress'>,
): readonly string[] {
  const references = parseDestinations(texts, { allTags });
  for (const reference of references) {
    assertAllowed(principal, { kind: 'push', repository: canonicalName(reference) });
    egress.assertRegistry(reference.registry);
  }
  return [...new Set(references.map(formatReference))];
}

/** `NAME=VALUE` */
export function labelIn(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

export function webhookIn({ webhook: url }: ArchiveQuery, { headers }: FastifyRequest): SubmitBody['webhook'] {
  if (url === undefined) return undefined;
  const secret = headers['x-slipway-webhook-secret'];
  const webhook = secret === undefined ? { url } : { url, secret };
  return validated('body', jobSchemas['WebhookRequest'] as Schema, webhook);
}

const settingNames = Object.keys(settingSchemasOf('job'));

/** @throws {RequestError} 400 when they do not fit together */
export function settingsOf(
  request: JobOptions & SubmitOptions,
  { pushes }: Pick<EngineContext, 'pushes'>,
): { readonly options: JobOptions; readonly credentialsName: string | undefined } {
  const { credentialsName } = request;
  const chosen = settingNames.filter((name) => request[name] !== undefined).map((name) => [name, request[name]]);
  const options: JobOptions = Object.fromEntries(chosen);
  pushes.choices('job', options);
  return { options, credentialsName };
}

/** @throws {RequestError} 400 when it has some of its own and names others */
export function submittedAuths(
  credentials: Readonly<Record<string, unknown>>,
  { credentialsName }: SubmitOptions,
): ReadonlyMap<string, AuthConfig> {
  const auths = authsOf(credentials);
  if (auths.size > 0 && credentialsName !== undefined) {
    throw new RequestError(400, 'invalid request: credentials and credentialsName exclude each other');
  }
  return auths;
}

/**
 * Credentials by registry as references name it; docker's clients write addresses.
 *
 * @throws {RequestError} 400 when one is for no registry, or two are for the same
 */
export function authsOf(credentials: Readonly<Record<string, unknown>>): ReadonlyMap<string, AuthConfig> {
  const auths = new Map<string, AuthConfig>();
  for (const [key, auth] of Object.entries(credentials)) {
    const registry = registryNamed(key);
    // The key is not repeated: it may have a password in it.
    if (registry === undefined) throw new RequestError(400, 'credentials: a key is no registry, such as ghcr.io');
    if (auths.has(registry)) throw new RequestError(400, `credentials: ${registry} is named twice`);
    auths.set(registry, authConfigOf(auth));
  }
  return auths;
}

/** @throws {RequestError} 400, without what the header says */
export function registryConfigOf({ headers }: FastifyRequest): Readonly<Record<string, unknown>> {
  const header = headers['x-registry-config'];
  if (header === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8'));
  } catch {
    throw new RequestError(400, 'invalid X-Registry-Config: expected base64url of JSON');
  }
  const { properties } = jobSchemas['JobRequest'] as { readonly properties: Readonly<Record<string, Schema>> };
  return validated('body', properties['credentials'] as Schema, value);
}
