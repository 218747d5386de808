import { type JobDestination, type JobRecord, type JobSource, priorities } from './job.ts';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

/**
 * What was kept as a job, if it is one: undefined where bytes were damaged, or somebody else wrote them. All that is
 * used of a record without a look has the type here that the code takes for granted.
 */
export function readJobRecord(id: string, value: unknown): JobRecord | undefined {
  return isFields(value) && value['id'] === id && has(value, record) ? (value as unknown as JobRecord) : undefined;
}

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isFlag: Check = (value) => typeof value === 'boolean';
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const every =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string);
const shape =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isFields(value) && has(value, checks);

const content = shape({ id: isText, manifest: optional(isText) });
const held = { name: isText, hold: isText, content };

const sources: Readonly<Record<JobSource['kind'], Check>> = {
  image: shape(held),
  images: shape({ name: isText, held: every(shape(held)) }),
  archive: shape({ file: isFileName, size: isNumber, image: optional(isText), content: optional(content) }),
  registry: shape({ name: isText, reference: isText, content: optional(content) }),
};

const failure = shape({ code: isText, message: isText });

const destination: Readonly<Record<keyof JobDestination, Check>> = {
  reference: isText,
  state: oneOf('pending', 'pushed', 'planned', 'failed'),
  digest: optional(isText),
  mediaType: optional(isText),
  size: optional(isNumber),
  unchanged: optional(isFlag),
  totals: optional(isFields),
  error: optional(failure),
};

const record: Readonly<Record<keyof JobRecord, Check>> = {
  id: isText,
  state: oneOf('queued', 'running', 'pushed', 'planned', 'failed', 'cancelled'),
  source: (value) => isFields(value) && sources[value['kind'] as JobSource['kind']]?.(value) === true,
  options: isFields,
  destinations: every(shape(destination)),
  repositories: optional(every(isText)),
  principal: isText,
  createdAt: isText,
  startedAt: optional(isText),
  finishedAt: optional(isText),
  attempts: isNumber,
  run: optional(shape({ token: isText, startedAt: isText, isAlone: isFlag, hasProgress: isFlag })),
  crashes: optional(isNumber),
  deaths: optional(every(isText)),
  isSourceKept: optional(isFlag),
  hadCredentials: optional(isFlag),
  home: isText,
  daemon: optional(isText),
  isCancelRequested: isFlag,
  priority: optional(oneOf(...priorities)),
  labels: optional((value) => isFields(value) && Object.values(value).every(isText)),
  webhook: optional(
    shape({ url: isText, state: oneOf('waiting', 'delivered', 'failed'), attempts: isNumber, error: optional(isText) }),
  ),
  sealedWebhook: optional(isText),
  error: optional(failure),
  submission: optional(isText),
  endedBy: optional(isText),
  trace: () => true, // parsed where it is used
  requestHash: isText,
  upload: optional(shape({ id: isText, image: optional(isText), contentHash: isText })),
  sealedCredentials: optional(isText),
  credentialsName: optional(isText),
};

function has(value: Fields, checks: Readonly<Record<string, Check>>): boolean {
  return Object.entries(checks).every(([name, check]) => check(value[name]));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name within the folder of archives, and no way out of it. */
function isFileName(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9._-]+$/.test(value) && !value.startsWith('.');
}
