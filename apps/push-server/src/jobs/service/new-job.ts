import { createHash, randomBytes } from 'node:crypto';
import type { TraceContext } from '@slipway/tracing';
import type { JobOptions, JobPriority, JobRecord, JobSource, SubmittedUpload } from '../record/job.ts';
import type { Auths, CredentialSeal } from '../run/sealed-credentials.ts';
import type { Webhooks } from '../run/webhooks.ts';

/** What a client asks for. References are canonical, with their tags. */
export interface JobRequest {
  readonly source: JobSource;
  readonly destinations: readonly string[];
  readonly options: JobOptions;
  readonly principal: string;
  readonly auths: Auths;
  readonly credentialsName: string | undefined;
  /** The same key of the same principal means the same job. */
  readonly idempotencyKey: string | undefined;
  /** What the archive's bytes are; it tells a repeated upload from another one. */
  readonly contentHash?: string | undefined;
  /** The upload in parts that the archive was. */
  readonly upload?: RequestedUpload | undefined;
  readonly priority?: JobPriority | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly webhook?: { readonly url: string; readonly secret?: string | undefined } | undefined;
  /** The trace that it belongs to. */
  readonly trace?: TraceContext | undefined;
}

/** An upload, and which of its images is meant. */
export type RequestedUpload = Omit<SubmittedUpload, 'contentHash'>;

export interface NewJobNeeds {
  readonly seal: Pick<CredentialSeal, 'seal'>;
  readonly webhooks: Pick<Webhooks, 'seal'>;
  /** The data folder that the job belongs to. */
  readonly home: string;
}

/** The record that a request asks for: queued, with its secrets sealed. */
export function newJob(request: JobRequest, { seal, webhooks, home }: NewJobNeeds): JobRecord {
  const { source, destinations, options, principal, auths, credentialsName, idempotencyKey, contentHash } = request;
  const { priority, labels, webhook, trace, upload } = request;
  const id = idempotencyKey === undefined ? randomBytes(12).toString('hex') : jobIDOf(principal, idempotencyKey);
  return {
    id,
    state: 'queued',
    source,
    options,
    destinations: destinations.map((reference) => ({ reference, state: 'pending' })),
    repositories: options['allTags'] === true ? destinations : undefined,
    principal,
    createdAt: new Date().toISOString(),
    attempts: 0,
    isCancelRequested: false,
    submission: submissionToken(),
    requestHash: requestHashOf(request),
    upload: upload && contentHash !== undefined ? { ...upload, contentHash } : undefined,
    home,
    trace,
    sealedCredentials: auths.size === 0 ? undefined : seal.seal(id, auths),
    credentialsName,
    priority,
    labels,
    webhook: webhook && { url: webhook.url, state: 'waiting', attempts: 0 },
    sealedWebhook: webhooks.seal(id, webhook?.secret),
  };
}

/** Tells one request from all others, repeated ones included. */
export function submissionToken(): string {
  return randomBytes(6).toString('hex');
}

/** The same key leads to the same record, whoever is asked: no second list has to be kept in step. */
export function jobIDOf(principal: string, idempotencyKey: string): string {
  return digest([principal, idempotencyKey]).slice(0, 24);
}

/** What is the same for the same request. The content, not its name: the same name may mean another image by now. */
export function requestHashOf(request: JobRequest): string {
  const { source, destinations, options, credentialsName, contentHash, labels, webhook } = request;
  return digest([subjectOf(source, contentHash), destinations, options, credentialsName ?? null, labels, webhook?.url]);
}

/** What a job is about, so that the same submission makes the same text. */
function subjectOf(source: JobSource, contentHash: string | undefined): readonly unknown[] {
  const { kind, content } = source;
  const held = kind === 'images' ? source.held.map(({ name, content: { id, manifest } }) => [name, id, manifest]) : [];
  const place = kind === 'registry' ? source.reference : null;
  return [kind, contentHash, content?.id, content?.manifest ?? null, place, held];
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
