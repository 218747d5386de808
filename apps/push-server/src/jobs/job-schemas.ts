import { pushSettingSchemas } from '../engine/push-settings.ts';

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

const options = {
  platform: text('One manifest of an index: os/architecture[/variant]. Default: the whole index.', {
    maxLength: 64,
    examples: ['linux/arm64'],
  }),
  ...pushSettingSchemas,
} as const;

const destinations: Schema = {
  type: 'array',
  minItems: 1,
  maxItems: 64,
  uniqueItems: true,
  items: { type: 'string', minLength: 1, maxLength: 512 },
  description: 'References with a tag; `latest` by default.',
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
      image: text('An image of the store: reference, or ID.', {
        minLength: 1,
        maxLength: 512,
        examples: ['team/app:1.4.2'],
      }),
      destinations,
      ...options,
      credentials,
      credentialsName,
    },
    ['image', 'destinations'],
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
      reference: text('Canonical, with its tag.'),
      state: { enum: ['pending', 'pushed', 'failed'] },
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
        enum: ['queued', 'running', 'pushed', 'failed', 'cancelled'],
        description: '`pushed` means every destination.',
      },
      image: text('What is pushed.'),
      source: { enum: ['image', 'archive'] },
      imageID: text('Image ID of what was submitted: it does not change with the name.', { pattern: digestPattern }),
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
      error: ref('Failure'),
    },
    [
      'id',
      'state',
      'image',
      'source',
      'imageID',
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
      next: text('Pass it as `before` for the jobs that follow.'),
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
  Error: strict({ message: text('What is wrong.') }, ['message']),
};

/** What may stand in the URL of a submission with an archive. Lists are repeated. */
export const archiveQuery: Schema = strict(
  {
    destination: destinations,
    image: text('Which image, if the archive has several: one of its names.', { maxLength: 512 }),
    ...options,
    credentialsName,
  },
  ['destination'],
);

/** What a list can be narrowed by. */
export const listQuery: Schema = strict(
  {
    state: {
      type: 'array',
      items: { enum: ['queued', 'running', 'pushed', 'failed', 'cancelled'] },
      description: 'Only jobs in one of these states.',
    },
    destination: text('Only jobs with a destination that begins so: `ghcr.io/team/`.', { maxLength: 512 }),
    principal: text('Only jobs of this submitter.', { maxLength: 256 }),
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
    before: text('`next` of the page before.', { maxLength: 64 }),
  },
  [],
);
