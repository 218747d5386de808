import type { AbortOptions, Digest } from '@slipway/digest';
import { hmacMatches, type LayerRecord } from '@slipway/metadata-store';
import { identifyBlob } from '../form/identify-blob.ts';
import { believed, type ProvenIdentity, provenByContent, provenByRecord } from '../knowledge.ts';
import { type BlobToPush, distinctBlobs } from '../plan/blob-to-push.ts';
import type { ImagePlan, ItemPlan, LayerDescriptor, Manifest } from '../plan/plan-types.ts';
import type { FirstQuestion, PushLearn } from '../push.ts';
import { readClaims } from './claims.ts';
import { namesManifest } from './existence.ts';
import { type RecordsByKey, recordsOf } from './records.ts';
import type { Target } from './target.ts';
import { verifyClaims } from './verify-claims.ts';

export interface ForeseeOptions extends AbortOptions {
  readonly tags: readonly string[];
  readonly learn: PushLearn;
  readonly learnFrom: string | undefined;
  /** What is recorded of the blobs. @default it is looked up */
  readonly records?: Promise<RecordsByKey> | undefined;
}

/** What can be said of a push before any blob is looked at. */
export interface Foresight {
  /** The manifest, if everything it names is known. */
  readonly manifest: Manifest | undefined;
  /** The registry has shown in this push that the repository has that manifest: a tag can be put on it at once. */
  readonly inRepository: boolean;
  /** Tags that name it now. */
  readonly unchangedTags: ReadonlySet<string>;
}

/** What tells a foresight of a push before its registry is connected to. */
type Outlook = Pick<Target, 'memory' | 'name' | 'hmacKey' | 'allowNondistributable'>;

/** What {@link foresee} will ask first; undefined where it asks nothing. */
export async function firstQuestion(
  plan: ItemPlan,
  outlook: Outlook,
  options: ForeseeOptions,
): Promise<FirstQuestion | undefined> {
  const { tags, learn, learnFrom } = options;
  const [tag] = tags;
  if (tag === undefined) return undefined;
  if (plan.kind !== 'image' || plan.verbatim !== undefined) {
    return plan.verbatim && { method: 'statManifest', tagOrDigest: tag };
  }
  const { known } = await recordedBlobs(plan, outlook, options);
  if (predictManifest(plan, known, outlook) !== undefined) return { method: 'statManifest', tagOrDigest: tag };
  if (learn === 'off' || unknownLayers(plan, known).length === 0) return undefined;
  return { method: 'getManifest', tagOrDigest: learnFrom ?? tag };
}

/** Nothing is known: every blob is looked at. */
export const noForesight: Foresight = { manifest: undefined, inRepository: false, unchangedTags: new Set() };

/**
 * Looks ahead: when the digest of the manifest is known, one question about the tag ends a push that has nothing to do.
 * It is known when the source has it, when earlier pushes have recorded all layers, or when what the registry's
 * manifests claim of them has been proven here.
 */
export async function foresee(plan: ItemPlan, target: Target, options: ForeseeOptions): Promise<Foresight> {
  if (plan.kind !== 'image') {
    return plan.verbatim === undefined ? noForesight : await askForTags(plan.verbatim, plan, target, options);
  }
  const { known, unsent } = await recordedBlobs(plan, target, options);
  const manifest = predictManifest(plan, known, target);
  if (manifest !== undefined) return await askForTags(manifest, plan, target, options);
  for (const { form } of unsent) form?.prepare?.(); // while the registry is asked, threads can start
  return options.learn === 'off' ? noForesight : await learn(plan, known, target, options);
}

interface RecordedBlobs {
  /** Those that were pushed to, or seen in, this repository with these credentials. */
  readonly known: Map<string, ProvenIdentity>;
  /** Those that no push from here has ever sent anywhere. */
  readonly unsent: readonly BlobToPush[];
}

async function recordedBlobs(plan: ImagePlan, outlook: Outlook, options: ForeseeOptions): Promise<RecordedBlobs> {
  const recorded = await (options.records ?? recordsOf(plan, outlook.memory));
  const known = new Map<string, ProvenIdentity>();
  const unsent: BlobToPush[] = [];
  for (const blob of distinctBlobs([...plan.layers, plan.config])) {
    const records = recorded.get(blob.key) ?? [];
    const identity = blob.fixed ?? (await recordedIdentity(blob, records, outlook, options));
    if (identity !== undefined) known.set(blob.key, identity);
    else if (records.length === 0) unsent.push(blob);
  }
  return { known, unsent };
}

async function recordedIdentity(
  blob: BlobToPush,
  records: readonly LayerRecord[],
  { memory, name, hmacKey }: Outlook,
  { learn }: ForeseeOptions,
): Promise<ProvenIdentity | undefined> {
  const record = records.findLast(
    (candidate) => candidate.sourceRepository === name && hmacMatches(candidate, hmacKey),
  );
  const size = record && (await memory.size(record.digest));
  if (record !== undefined && size !== undefined) return provenByRecord(record, size);
  const claim = learn === 'trust' && blob.recordKey !== undefined ? await memory.claim(blob.recordKey) : undefined;
  return claim && believed(claim);
}

async function askForTags(
  manifest: Manifest,
  plan: ItemPlan,
  target: Target,
  { tags, signal }: ForeseeOptions,
): Promise<Foresight> {
  const names = (tagOrDigest: string): Promise<boolean> => namesManifest(tagOrDigest, manifest, target, { signal });
  const same = await Promise.all(tags.map(names));
  const unchangedTags = new Set(tags.filter((_, at) => same[at]));
  const isThere = unchangedTags.size > 0 || ((await wasPushedBefore(plan, target)) && (await names(manifest.digest)));
  return { manifest, inRepository: isThere, unchangedTags };
}

/** Whether a manifest of this content may be there under another tag: its config or first blob was recorded here. */
async function wasPushedBefore(plan: ItemPlan, target: Target): Promise<boolean> {
  const blob = firstBlob(plan);
  if (blob === undefined) return false;
  if (blob.heldIn === target.name) return true; // it came from there
  const records = await target.memory.records(blob);
  return records.some(({ sourceRepository }) => sourceRepository === target.name);
}

function firstBlob(plan: ItemPlan): BlobToPush | undefined {
  switch (plan.kind) {
    case 'image':
      return plan.config;
    case 'artifact':
      return plan.blobs[0];
    case 'index':
      return plan.children.map(firstBlob).find((blob) => blob !== undefined);
    default:
      return plan satisfies never;
  }
}

/** Reads what the repository's manifests claim, and looks whether one of them is the very manifest of this push. */
async function learn(
  plan: ImagePlan,
  recorded: ReadonlyMap<string, ProvenIdentity>,
  target: Target,
  options: ForeseeOptions,
): Promise<Foresight> {
  const { tags, learnFrom, signal } = options;
  const unknown = unknownLayers(plan, recorded);
  const wanted = new Set(unknown.flatMap(({ recordKey }) => recordKey ?? []));
  if (wanted.size === 0) return noForesight;
  const references = [...new Set([...(learnFrom === undefined ? [] : [learnFrom]), ...tags.slice(0, 1)])];
  const manifests = await readClaims(target, { wanted, platform: plan.image.platform, references, signal });
  const inRepository = new Set([...manifests.values()].map(({ digest }) => digest));
  const known = await establish(unknown, recorded, plan, target, inRepository, options);
  const manifest = known && predictManifest(plan, known, target);
  if (manifest === undefined || !inRepository.has(manifest.digest)) return noForesight;
  const unchangedTags = new Set(tags.filter((tag) => manifests.get(tag)?.digest === manifest.digest));
  return { manifest, inRepository: true, unchangedTags };
}

/** Layers that the repository's own manifests may say something of. */
function unknownLayers(plan: ImagePlan, known: ReadonlyMap<string, ProvenIdentity>): readonly BlobToPush[] {
  return plan.layers.filter(
    (blob) => blob.recordKey !== undefined && blob.foreign === undefined && !known.has(blob.key),
  );
}

/** What the layers are, as far as `learn` says that claims count; undefined when that does not lead to a manifest. */
async function establish(
  unknown: readonly BlobToPush[],
  recorded: ReadonlyMap<string, ProvenIdentity>,
  plan: ImagePlan,
  target: Target,
  inRepository: ReadonlySet<Digest>,
  { learn, signal }: ForeseeOptions,
): Promise<Map<string, ProvenIdentity> | undefined> {
  if (learn === 'verify') {
    await verifyClaims(unknown, target, { signal });
    const seen = unknown.flatMap(({ key }) => {
      const present = target.presence.blob(key);
      return present === undefined ? [] : [[key, present.identity] as const];
    });
    return new Map([...recorded, ...seen]);
  }
  const guessed = new Map(recorded);
  for (const blob of unknown) {
    const claim = blob.recordKey && target.presence.claims.get(blob.recordKey);
    if (claim !== undefined) guessed.set(blob.key, believed(claim));
  }
  const guess = predictManifest(plan, guessed, target);
  if (guess === undefined || !inRepository.has(guess.digest)) return undefined;
  if (learn === 'trust') {
    for (const { recordKey } of unknown) {
      const claim = recordKey && target.presence.claims.get(recordKey);
      if (recordKey !== undefined && claim !== undefined) target.memory.keepClaim(recordKey, claim);
    }
    return guessed;
  }
  return await proveGuess(distinctBlobs(unknown), guessed, target, { signal });
}

/** The repository has a manifest that may be ours: compressing here, which sends nothing, tells. */
async function proveGuess(
  blobs: readonly BlobToPush[],
  guessed: ReadonlyMap<string, ProvenIdentity>,
  target: Target,
  { signal }: AbortOptions,
): Promise<Map<string, ProvenIdentity> | undefined> {
  const own = await Promise.all(
    blobs.map(async (blob) => {
      if (blob.form === undefined) return undefined;
      const identity = provenByContent(await identifyBlob(blob, blob.form, { signal }));
      return identity.digest === guessed.get(blob.key)?.digest ? ([blob, identity] as const) : undefined;
    }),
  );
  const proven = own.filter((pairing) => pairing !== undefined);
  for (const [blob, identity] of proven) target.memory.add(blob, identity);
  if (proven.length === blobs.length)
    return new Map([...guessed, ...proven.map(([{ key }, id]) => [key, id] as const)]);
  target.presence.dropClaims();
  return undefined;
}

/** The manifest an image will have if its layers are what is known of them; undefined when something is not known. */
function predictManifest(
  plan: ImagePlan,
  known: ReadonlyMap<string, ProvenIdentity>,
  { allowNondistributable }: Pick<Outlook, 'allowNondistributable'>,
): Manifest | undefined {
  if (plan.verbatim !== undefined) return plan.verbatim;
  const layers: LayerDescriptor[] = [];
  for (const blob of plan.layers) {
    const identity = known.get(blob.key);
    if (blob.foreign !== undefined && !allowNondistributable) layers.push({ foreign: blob.foreign });
    else if (identity === undefined) return undefined;
    else layers.push(identity);
  }
  return plan.assemble(layers);
}
