import { settingSchemasOf } from '../../engine/push-settings.ts';
import { priorities } from '../record/job.ts';

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>;

const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more });
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
const strict = (
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  more: Schema = {},
): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
  ...more,
});
const time = (description: string): Schema => text(description, { format: 'date-time' });
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const options: Readonly<Record<string, Schema>> = settingSchemasOf('job');

const states = ['queued', 'running', 'pushed', 'planned', 'failed', 'cancelled'] as const;

/** What a job is besides its push. */
const submission: Readonly<Record<string, Schema>> = {
  priority: text(
    'Which of the jobs that may begin comes first; shares of registries and submitters hold. Default: normal.',
    { enum: priorities },
  ),
};

const labels: Schema = {
  type: 'object',
  maxProperties: 32,
  propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$' },
  additionalProperties: { type: 'string', maxLength: 256, pattern: '^[^\\p{Cc}\\p{Bidi_Control}]*$' },
  description: 'Anything of the submitter’s: `{"team": "a", "build": "1742"}`. Lists can be narrowed by them.',
};

const labelTexts: Schema = {
  type: 'array',
  maxItems: 32,
  items: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}=[^\\p{Cc}\\p{Bidi_Control}]{0,256}$' },
  description: 'NAME=VALUE; repeated for several.',
};

const wait = text('Answer once the job has ended, or after this time: `30s`, at most 5m. Default: at once.', {
  pattern: '^\\d{1,3}(?:ms|s|m)$',
});

const destinations: Schema = {
  type: 'array',
  minItems: 1,
  maxItems: 64,
  uniqueItems: true,
  items: { type: 'string', minLength: 1, maxLength: 512 },
  description: 'References with a tag, `latest` by default; repositories with `allTags`.',
  examples: [['ghcr.io/team/app:1.4.2']],
};

const digestPattern = '^[a-z0-9]+:[0-9a-f]{32,}$';

const credentialsName = text('Credentials that the daemon has under this name (`--job-credentials`).', {
  pattern: '^[A-Za-z0-9._-]{1,64}$',
});

const credentials: Schema = {
  type: 'object',
  maxProperties: 64,
  propertyNames: { type: 'string', maxLength: 255 },
  additionalProperties: ref('Credentials'),
  description: 'By registry (`ghcr.io`). Used for this job only, kept encrypted until it ends.',
};

/** The schemas that have a name. Requests are checked with the very same. */
export const jobSchemas: Readonly<Record<string, Schema>> = {
  Credentials: strict(
    {
      username: text('', { maxLength: 1024 }),
      password: text('', { maxLength: 16_384 }),
      identitytoken: text('', { maxLength: 16_384 }),
      registrytoken: text('', { maxLength: 16_384 }),
    },
    [],
    { description: 'What docker sends as X-Registry-Auth: user name and password, or a token.', minProperties: 1 },
  ),
  JobRequest: strict(
    {
      image: text('An image of the store (reference, or ID), or of another registry: `docker://ghcr.io/team/app:1`.', {
        minLength: 1,
        maxLength: 512,
        examples: ['team/app:1.4.2'],
      }),
      upload: text(
        'A complete upload (`/slipway/v1/uploads`), in place of `image`: which then chooses one of its images.',
        {
          maxLength: 64,
        },
      ),
      destinations,
      ...options,
      credentials,
      credentialsName,
      ...submission,
      labels,
      webhook: ref('WebhookRequest'),
    },
    ['destinations'],
    { description: '`image` or `upload` says what is pushed.' },
  ),
  WebhookRequest: strict(
    {
      url: text(
        'POSTed the job when it has ended, as Standard Webhooks has it. The operator says which hosts may be told.',
        {
          minLength: 1,
          maxLength: 2048,
        },
      ),
      secret: text('Signs what is sent: `webhook-signature` has the HMAC-SHA256.', { minLength: 16, maxLength: 512 }),
    },
    ['url'],
  ),
  Webhook: strict(
    {
      url: text(''),
      state: text('Tried five times within a quarter of an hour.', { enum: ['waiting', 'delivered', 'failed'] }),
      attempts: count('How often it was tried.'),
      error: text('Why the last attempt failed.'),
    },
    ['url', 'state', 'attempts'],
  ),
  RetryRequest: strict({ credentials }, [], { description: 'What a retry needs anew.' }),
  Failure: strict(
    {
      code: text('See docs/errors.md.'),
      message: text('What went wrong, without any credential.'),
      reason: text('The code of what caused it, such as `ERR_REGISTRY_DENIED`.'),
      origin: text('The side that failed: `source`, `registry`, …'),
      hint: text('What to do about it.'),
    },
    ['code', 'message'],
  ),
  Totals: strict(
    {
      existed: count('Blobs that were there.'),
      mounted: count('Blobs taken over from another repository.'),
      uploaded: count('Blobs sent.'),
      skipped: count('Foreign layers.'),
      bytesSent: count('Compressed bytes handed to the registry.'),
    },
    ['existed', 'mounted', 'uploaded', 'skipped', 'bytesSent'],
  ),
  Destination: strict(
    {
      reference: text('Canonical, with its tag; with `allTags` also a repository, until the job has ended.'),
      state: { type: 'string', enum: ['pending', 'pushed', 'planned', 'failed'] },
      digest: text('Of the manifest that the tag names now.'),
      mediaType: text('Of the manifest.'),
      size: count('Bytes of the manifest.'),
      unchanged: { type: 'boolean', description: 'The tag named it already.' },
      totals: ref('Totals'),
      error: ref('Failure'),
    },
    ['reference', 'state'],
  ),
  Job: strict(
    {
      id: text('', { pattern: '^[0-9a-f]{24}$' }),
      state: {
        type: 'string',
        enum: states,
        description: '`pushed` means every destination; `planned` the same of a dry run.',
      },
      image: text('What is pushed.'),
      source: { type: 'string', enum: ['image', 'archive', 'registry'] },
      imageID: text(
        'Image ID of what was submitted: it does not change with the name. Absent for registries, and with `allTags`.',
        { pattern: digestPattern },
      ),
      digest: text('The manifest or index that the image came with; absent when the push makes one.', {
        pattern: digestPattern,
      }),
      destinations: { type: 'array', items: ref('Destination') },
      ...options,
      principal: text('Who submitted it.'),
      createdAt: time('When it was submitted.'),
      startedAt: time('When a daemon first worked on it.'),
      finishedAt: time('When it ended.'),
      attempts: count('How often a daemon began to work on it.'),
      daemon: text('The daemon that works on it, or did so last.'),
      isCancelRequested: { type: 'boolean' },
      canRetry: { type: 'boolean', description: 'It failed, and what it pushes is still kept.' },
      credentialsName,
      ...submission,
      labels,
      webhook: ref('Webhook'),
      error: ref('Failure'),
    },
    [
      'id',
      'state',
      'image',
      'source',
      'destinations',
      'principal',
      'createdAt',
      'attempts',
      'isCancelRequested',
      'canRetry',
    ],
  ),
  JobList: strict(
    {
      jobs: { type: 'array', items: ref('Job'), description: 'Newest first.' },
      next: text('Pass it as `before` for what follows. Where filters leave out many, a page has few jobs, or none.'),
    },
    ['jobs'],
  ),
  JobEvent: {
    type: 'object',
    description:
      'What happens to a job: `job:queued`, `job:started`, `job:retried`, `job:interrupted`, ' +
      '`job:truncated`, `job:finished`, and every event of its push (`blob:preparing`, `blob:waiting`, ' +
      '`blob:progress`, `blob:storing`, `blob:retrying`, `blob:resumed`, `blob:existed`, `blob:mounted`, ' +
      '`blob:pushed`, `blob:skipped`, `manifest:storing`, `manifest:pushed`, `warning`, `push:started`, ' +
      '`push:finished`, `push:failed`). Counters are totals; `blob:progress` and `blob:storing` have no ' +
      '`seq`, are not kept, and may be left out.',
    properties: {
      type: text(''),
      seq: { type: 'integer', minimum: 1 },
      time: { type: 'number', description: 'Milliseconds since 1970.' },
    },
    required: ['type', 'time'],
  },
  Error: strict(
    {
      message: text('What is wrong.'),
      code: text('See docs/errors.md.'),
      reason: text('The code of the error that caused it, where that says more.'),
      origin: text('`source` where what is to be pushed cannot be had.'),
      hint: text('What to do about it.'),
    },
    ['message', 'code'],
  ),
};

/** What may stand in the URL of a submission with an archive. Lists are repeated. */
export const archiveQuery: Schema = strict(
  {
    destination: destinations,
    image: text('Which image, if the archive has several: by name, tag, ID or digest.', { maxLength: 512 }),
    ...options,
    credentialsName,
    ...submission,
    label: labelTexts,
    webhook: text('As `url` of a WebhookRequest; the secret is in `X-Slipway-Webhook-Secret`.', { maxLength: 2048 }),
    wait,
  },
  ['destination'],
);

/** How an answer about a job may be put off. */
export const waitQuery: Schema = strict({ wait }, []);

/** What a list can be narrowed by. */
export const listQuery: Schema = strict(
  {
    state: {
      type: 'array',
      items: { type: 'string', enum: states },
      description: 'Only jobs in one of these states.',
    },
    destination: text('Only jobs with a destination that begins so: `ghcr.io/team/`.', { maxLength: 512 }),
    principal: text('Only jobs of this submitter.', { maxLength: 256 }),
    label: { ...labelTexts, description: 'Only jobs with this label: NAME=VALUE; repeated for several.' },
    limit: { type: 'integer', minimum: 1, maximum: 500, description: 'Jobs on one page. Default: 100.' },
    before: text('`next` of the page before.', { maxLength: 64 }),
  },
  [],
);
