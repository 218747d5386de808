// Pushes mutated sources to the embedded registry and looks at what came of it: no stack trace, no hang, no wrong
// image.
//   node benchmarks/fuzz-sources.mjs [FIRST SEED] [COUNT]      (built: pnpm run build)
// Every seed makes the same source everywhere. Prints a line for each finding, and the outcomes in the end; fails if
// there is one.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createGzipCompressor } from '../packages/digest/dist/index.js';
import { openSource } from '../packages/image-source/dist/index.js';
import { createPusher } from '../packages/push/dist/index.js';
import { parseReference } from '../packages/reference/dist/index.js';
import { openRegistry } from '../packages/registry-client/dist/index.js';
import { mutatedSource, startRegistry, writeMutatedSource } from '../packages/testkit/dist/index.js';
import { createTransferManager } from '../packages/transfer/dist/index.js';

const [first = 1, count = 10_000] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'slipway-fuzz-'));
const outcomes = {};
const findings = [];
let unhandled;
process.on('unhandledRejection', (error) => (unhandled = error));
process.on('uncaughtException', (error) => (unhandled = error));

/** What is configured otherwise is an artifact, which nobody runs. */
const imageConfigs = /^application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json$/;

let registry = await startRegistry();
for (let seed = first; seed < first + count; seed += 1) {
  if (seed % 500 === 0) {
    await registry[Symbol.asyncDispose]();
    registry = await startRegistry(); // which keeps everything in memory
  }
  const path = join(folder, String(seed));
  const source = mutatedSource(seed);
  await writeMutatedSource(path, source);
  let outcome = 'hang';
  let timer;
  const limit = new Promise((resolve) => (timer = setTimeout(() => resolve({ outcome: 'hang' }), 60_000)));
  const result = await Promise.race([
    pushed(path, `f/s${seed}`).catch((error) => ({ outcome: 'thrown', error })),
    limit,
  ]);
  clearTimeout(timer);
  outcome = `${source.form} ${result.outcome}`;
  if (result.outcome === 'hang') report(seed, 'a hang of a minute');
  if (result.error !== undefined) outcome += ` ${judgeError(seed, result.error)}`;
  const tag = await registry.manifest(`f/s${seed}`, '1');
  if (result.outcome === 'pushed' && tag === undefined) report(seed, 'pushed, and there is no tag');
  if (result.outcome === 'refused' && tag !== undefined) report(seed, `refused, and tagged: ${result.error.message}`);
  if (tag !== undefined) await judgeImage(seed, `f/s${seed}`);
  if (unhandled !== undefined) report(seed, `unhandled ${unhandled.stack}`);
  unhandled = undefined;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  rmSync(path, { recursive: true, force: true });
}
console.log(`${count} sources from seed ${first}: ${findings.length} findings`);
console.log(Object.fromEntries(Object.entries(outcomes).sort()));
process.exit(findings.length === 0 ? 0 : 1);

async function pushed(path, repository) {
  const reference = parseReference(`${registry.host}/${repository}:1`);
  const url = new URL(`http://${registry.host}`);
  const opened = [];
  const held = (resource) => {
    opened.unshift(resource);
    return resource;
  };
  try {
    const source = held(await openSource(path, { spoolFolder: folder }));
    const [item, ...others] = source.items;
    if (item === undefined || others.length > 0) return { outcome: `${source.items.length} items` };
    const transfers = held(createTransferManager());
    const client = held(openRegistry({ url, name: reference.registry }));
    const pusher = createPusher({ transfers, gzip: createGzipCompressor(), attempts: 2, retry: { backoff: () => 1 } });
    const endpoint = { url, connect: async () => client.repository(reference.repository) };
    const destination = { reference, endpoints: [endpoint] };
    const [result] = await pusher.push(item, [destination], { verify: 'diffid' });
    return result.ok ? { outcome: 'pushed' } : { outcome: 'refused', error: result.error };
  } finally {
    for (const resource of opened) await resource[Symbol.asyncDispose]();
  }
}

/** Every failure has a code and says something that a person can read. */
function judgeError(seed, error) {
  const chain = [];
  for (let link = error; link instanceof Error && !chain.includes(link); link = link.cause) chain.push(link);
  const code = chain.map((link) => link.code).find((found) => typeof found === 'string' && /^E/.test(found));
  if (code === undefined) report(seed, `no code: ${error?.stack}`);
  if (/^(Type|Range|Reference|Syntax)Error$/.test(error?.name)) report(seed, `a raw ${error.stack}`);
  if (/undefined|\[object|is not a function|Cannot read prop|unreachable:/.test(error?.message)) {
    report(seed, `an ugly message: ${error.message}`);
  }
  return code;
}

/** All that a tag names is there, with its bytes, and layers of an image are those that its config names. */
async function judgeImage(seed, repository, reference = '1') {
  const { bytes } = (await registry.manifest(repository, reference)) ?? {};
  if (bytes === undefined) return report(seed, `${reference} is missing`);
  const document = JSON.parse(Buffer.from(bytes));
  for (const child of document.manifests ?? []) await judgeImage(seed, repository, child.digest);
  const diffIDs = [];
  for (const [at, descriptor] of [document.config ?? [], document.layers ?? []].flat().entries()) {
    const answer = await fetch(`http://${registry.host}/v2/${repository}/blobs/${descriptor.digest}`);
    const blob = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200 || sha256(blob) !== descriptor.digest) return report(seed, `blob ${at} is not there`);
    if (at === 0 && imageConfigs.test(descriptor.mediaType)) diffIDs.push(...diffIDsOf(blob));
    if (at > 0 && diffIDs.length > 0 && /tar/.test(descriptor.mediaType)) {
      if (sha256(unpacked(blob)) !== diffIDs[at - 1]) report(seed, `layer ${at - 1} is not its diffID`);
    }
  }
}

function diffIDsOf(config) {
  try {
    const found = JSON.parse(config).rootfs?.diff_ids;
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

function unpacked(blob) {
  try {
    return blob[0] === 0x1f ? gunzipSync(blob) : blob;
  } catch {
    return Buffer.from('no gzip');
  }
}

function sha256(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function report(seed, finding) {
  findings.push(seed);
  console.log(`seed ${seed}: ${finding}`);
}
