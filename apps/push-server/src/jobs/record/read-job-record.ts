import { aBoolean, aNumber, anObject, anything, aString, type Kind, kind, listOf, oneOf } from '@slipway/arguments';
import { type JobDestination, type JobRecord, type JobSource, priorities } from './job.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What was kept as a job, if it is one: undefined where bytes were damaged, or somebody else wrote them. All that is
 * used of a record without a look has the type here that the code takes for granted.
 */
export function readJobRecord(id: string, value: unknown): JobRecord | undefined {
  return isFields(value) && value['id'] === id && has(value, record) ? (value as unknown as JobRecord) : undefined;
}

const optional = ({ name, is }: Kind): Kind => kind(name, (value) => value === undefined || is(value));
const shape = (members: Readonly<Record<string, Kind>>): Kind =>
  kind('an object with its members', (value) => isFields(value) && has(value, members));

const content = shape({ id: aString, manifest: optional(aString) });
const held = { name: aString, hold: aString, content };

/** A name within the folder of archives, and no way out of it. */
const aFileName = kind(
  'a file name',
  (value) => typeof value === 'string' && /^[A-Za-z0-9._-]+$/.test(value) && !value.startsWith('.'),
);

const sources: Readonly<Record<JobSource['kind'], Kind>> = {
  image: shape(held),
  images: shape({ name: aString, held: listOf(shape(held)) }),
  archive: shape({ file: aFileName, size: aNumber, image: optional(aString), content: optional(content) }),
  registry: shape({ name: aString, reference: aString, content: optional(content) }),
};

const failure = shape({ code: aString, message: aString });

const destination: Readonly<Record<keyof JobDestination, Kind>> = {
  reference: aString,
  state: oneOf('pending', 'pushed', 'planned', 'failed'),
  digest: optional(aString),
  mediaType: optional(aString),
  size: optional(aNumber),
  unchanged: optional(aBoolean),
  totals: optional(anObject),
  error: optional(failure),
};

const record: Readonly<Record<keyof JobRecord, Kind>> = {
  id: aString,
  state: oneOf('queued', 'running', 'pushed', 'planned', 'failed', 'cancelled'),
  source: kind('a source', (value) =>
    Object.entries(sources).some(([name, { is }]) => is(value) && (value as JobSource).kind === name),
  ),
  options: anObject,
  destinations: listOf(shape(destination)),
  repositories: optional(listOf(aString)),
  principal: aString,
  createdAt: aString,
  startedAt: optional(aString),
  finishedAt: optional(aString),
  attempts: aNumber,
  run: optional(shape({ token: aString, startedAt: aString, isAlone: aBoolean, hasProgress: aBoolean })),
  crashes: optional(aNumber),
  deaths: optional(listOf(aString)),
  isSourceKept: optional(aBoolean),
  hadCredentials: optional(aBoolean),
  home: aString,
  daemon: optional(aString),
  isCancelRequested: aBoolean,
  priority: optional(oneOf(...priorities)),
  labels: optional(kind('labels', (value) => isFields(value) && Object.values(value).every(aString.is))),
  webhook: optional(
    shape({
      url: aString,
      state: oneOf('waiting', 'delivered', 'failed'),
      attempts: aNumber,
      error: optional(aString),
    }),
  ),
  sealedWebhook: optional(aString),
  error: optional(failure),
  submission: optional(aString),
  endedBy: optional(aString),
  trace: anything, // parsed where it is used
  requestHash: aString,
  upload: optional(shape({ id: aString, image: optional(aString), contentHash: aString })),
  sealedCredentials: optional(aString),
  credentialsName: optional(aString),
};

function has(value: Fields, members: Readonly<Record<string, Kind>>): boolean {
  return Object.entries(members).every(([name, { is }]) => is(value[name]));
}

function isFields(value: unknown): value is Fields {
  return anObject.is(value);
}
