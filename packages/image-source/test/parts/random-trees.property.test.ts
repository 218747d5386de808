import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { contentOf, digestBytes } from '@slipway/digest';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FileInMemory, layerFrom } from '../../src/index.ts';
import { bytesOf } from '../read-content.ts';
import { listing } from './listing.ts';

const run = promisify(execFile);

/**
 * Few enough to meet each other, and of all kinds: below and above `/`, long, of several bytes a character, with a line
 * break.
 */
const aStep = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'a-b',
    'a.b',
    'a b',
    '-x',
    'é',
    '日本',
    '😀',
    '\ufffd',
    'x'.repeat(99),
    'y'.repeat(101),
    'n\nl',
    '"',
    '%',
  ),
  fc
    .stringMatching(/^[a-zA-Z0-9_.+-]{1,12}$/)
    .filter((step) => step !== '.' && step !== '..' && !step.startsWith('.wh.')),
);
/**
 * node-tar takes a line break within an extended header's value for the end of the record, so what needs such a header
 * has none here; GNU tar reads one below.
 */
const isReadByAll = (path: string): boolean => !path.includes('\n') || /^[\n\x20-\x7e]{1,80}$/.test(path);
const aMode = fc.constantFrom(0o644, 0o600, 0o755, 0o4711, 0o444);
const aFile: fc.Arbitrary<FileInMemory> = fc.oneof(
  fc.record({ content: fc.uint8Array({ maxLength: 1500 }), mode: aMode }),
  fc.record({ type: fc.constant('folder' as const), mode: fc.constantFrom(0o755, 0o700, 0o1777) }),
  fc.record({
    type: fc.constant('symlink' as const),
    target: fc
      .array(aStep, { minLength: 1, maxLength: 3 })
      .map((steps) => steps.join('/'))
      .filter(isReadByAll),
  }),
);
const aTree = fc
  .array(fc.tuple(fc.array(aStep, { minLength: 1, maxLength: 4 }), aFile), { maxLength: 14 })
  .map((entries) => entries.map(([steps, file]) => [steps.join('/'), file] as const))
  .map((entries) => withoutConflicts(entries.filter(([path]) => isReadByAll(path))));

/** The first of each path; nothing below what is no folder. */
function withoutConflicts(entries: readonly (readonly [string, FileInMemory])[]): ReadonlyMap<string, FileInMemory> {
  const tree = new Map<string, FileInMemory>();
  const isFolder = (file: FileInMemory | undefined): boolean => (file as { readonly type?: string })?.type === 'folder';
  for (const [path, file] of entries) {
    const above = path.split('/').map((_, at, steps) => steps.slice(0, at).join('/'));
    if (tree.has(path) || above.some((one) => tree.has(one) && !isFolder(tree.get(one)))) continue;
    if (!isFolder(file) && [...tree.keys()].some((one) => one.startsWith(`${path}/`))) continue;
    tree.set(path, file);
  }
  return tree;
}

async function writeTree(root: string, tree: ReadonlyMap<string, FileInMemory>): Promise<void> {
  const modes: [path: string, mode: number][] = [];
  for (const [path, given] of tree) {
    const file = given as { type?: string; mode?: number; content?: Uint8Array; target?: string };
    const full = join(root, path);
    const steps = dirname(path) === '.' ? [] : dirname(path).split('/');
    for (const [at] of steps.entries()) {
      const folder = join(root, ...steps.slice(0, at + 1));
      await mkdir(folder, { recursive: true });
      if (!tree.has(steps.slice(0, at + 1).join('/'))) await chmod(folder, 0o755);
    }
    if (file.type === 'folder') await mkdir(full, { recursive: true });
    else if (file.type === 'symlink') await symlink(file.target ?? '', full);
    else await writeFile(full, file.content ?? '');
    if (file.mode !== undefined) modes.push([full, file.mode]);
  }
  for (const [path, mode] of modes.reverse()) await chmod(path, mode);
}

test('a tree gives the same tar from memory and from the disk, which other readers read back', async () => {
  await fc.assert(
    fc.asyncProperty(aTree, fc.nat(), fc.constantFrom('', 'opt/app'), async (tree, place, to) => {
      const root = await mkdtemp(join(tmpdir(), 'slipway-trees-'));
      try {
        await mkdir(join(root, 'in'));
        await writeTree(join(root, 'in'), tree);
        const shuffled = Object.fromEntries([...tree].toReversed());
        const memory = await layerFrom(shuffled, { to }).open();
        const disk = await layerFrom(join(root, 'in'), { to }).open();
        expect(disk.layer.diffID).toBe(memory.layer.diffID);
        const tar = await bytesOf(disk.layer.content!);
        expect(digestBytes(tar)).toBe(disk.layer.diffID);
        const from = place % (tar.byteLength + 1);
        expect((await bytesOf(disk.layer.content!, { from })).equals(tar.subarray(from))).toBe(true);
        const found = listing(tar).map((member) => ({ ...member, path: member.path.replace(/\/$/, '') }));
        const names = found.map(({ path }) => path);
        expect(names).toEqual(names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
        expect(new Set(names).size).toBe(names.length);
        for (const [path, given] of tree) {
          const file = given as { type?: string; mode?: number; content?: Uint8Array; target?: string };
          const member = found.find((one) => one.path === [to, path].filter(Boolean).join('/'));
          expect(member?.type).toBe({ folder: 'Directory', symlink: 'SymbolicLink' }[file.type ?? ''] ?? 'File');
          expect(member?.linkpath ?? '').toBe(file.target ?? '');
          if (file.mode !== undefined) expect(member?.mode).toBe(file.mode);
          if (file.content !== undefined) expect(member?.bytes.equals(file.content)).toBe(true);
        }
        await writeFile(join(root, 'layer.tar'), tar);
        const { stderr } = await run('tar', ['-tf', join(root, 'layer.tar')]);
        expect(stderr).toBe('');
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    }),
    { numRuns: 20 },
  );
}, 120_000);

test('line breaks in names and targets that need an extended header are read back by GNU tar', async () => {
  const long = `n\nl/${'y'.repeat(101)}`;
  const { layer } = await layerFrom({
    [long]: { content: Buffer.from('x') },
    link: { type: 'symlink', target: long },
  }).open();
  const root = await mkdtemp(join(tmpdir(), 'slipway-trees-'));
  try {
    await writeFile(join(root, 'layer.tar'), await bytesOf(layer.content!));
    const { stdout } = await run('tar', ['-tvf', join(root, 'layer.tar'), '--quoting-style=escape']);
    const escaped = `n\\nl/${'y'.repeat(101)}`;
    expect(stdout.match(/ (\S+ -> )?\S+$/gm)).toEqual([` link -> ${escaped}`, expect.any(String), ` ${escaped}`]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test('a content of many parts is read with bounded memory, and closes what it opened', async () => {
  let open = 0;
  const part = {
    size: 3_000_000,
    async *open({ from = 0 } = {}) {
      open += 1;
      try {
        yield* contentOf(new Uint8Array(3_000_000)).open({ from });
      } finally {
        open -= 1;
      }
    },
  };
  const { layer } = await layerFrom({ a: part, b: part, c: part }).open();
  expect(open).toBe(0);
  for await (const _ of layer.content!.open({ from: 2_000_000 })) break;
  expect(open).toBe(0);
});
