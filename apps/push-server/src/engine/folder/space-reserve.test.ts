import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { openSpaceReserve, reserveBytes, type SpaceReserve } from './space-reserve.ts';

const roomy = 100 * reserveBytes;
const full = Object.assign(new Error('cannot'), { cause: Object.assign(new Error('full'), { code: 'ENOSPC' }) });

/** A folder on a disk of which the test says how much is free where there is no reserve. */
async function openAt(disk: { free: number }): Promise<{
  readonly reserve: SpaceReserve;
  readonly again: () => Promise<SpaceReserve>;
  readonly size: () => Promise<number>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}> {
  const temporary = await temporaryFolder();
  const folder = temporary.path;
  const size = async (): Promise<number> =>
    await stat(join(folder, 'reserve')).then(
      (status) => status.size,
      () => 0,
    );
  const freeBytesOf = async (): Promise<number> => disk.free - (await size());
  const again = (): Promise<SpaceReserve> => openSpaceReserve({ folder, freeBytesOf });
  return {
    reserve: await again(),
    again,
    size,
    [Symbol.asyncDispose]: async () => await temporary[Symbol.asyncDispose](),
  };
}

test('a disk with room has its reserve filled, and keeps it', async () => {
  await using at = await openAt({ free: roomy });
  expect(at.reserve.missingBytes).toBe(reserveBytes);
  await at.reserve.fill();
  expect([at.reserve.missingBytes, await at.size()]).toEqual([0, reserveBytes]);
  expect((await at.again()).missingBytes).toBe(0);
});

test.each([
  ['less than it', reserveBytes / 2],
  ['no more than it', reserveBytes + 1],
])('a disk that has %s is left as it is', async (_, free) => {
  await using at = await openAt({ free });
  await at.reserve.fill();
  expect([at.reserve.missingBytes, await at.size()]).toEqual([reserveBytes, 0]);
});

test('what makes room on a full disk finds the reserve free, and it comes back afterwards', async () => {
  const disk = { free: roomy };
  await using at = await openAt(disk);
  await at.reserve.fill();
  disk.free = reserveBytes; // all but the reserve is taken
  const seen = await at.reserve.makingRoom(async () => {
    const during = await at.size();
    disk.free = roomy;
    return during;
  });
  expect(seen).toBe(0);
  expect(await at.size()).toBe(reserveBytes);
});

test('where nothing could be deleted, the reserve comes back as well', async () => {
  const disk = { free: roomy };
  await using at = await openAt(disk);
  await at.reserve.fill();
  disk.free = reserveBytes;
  await at.reserve.makingRoom(async () => expect(await at.size()).toBe(0));
  expect(await at.size()).toBe(reserveBytes);
});

test('work that a quota stops is done once more without the reserve', async () => {
  await using at = await openAt({ free: roomy });
  await at.reserve.fill();
  const sizes: number[] = [];
  await at.reserve.makingRoom(async () => {
    sizes.push(await at.size());
    if (sizes.length === 1) throw full;
  });
  expect(sizes).toEqual([reserveBytes, 0]);
});

test('other failures, and a full disk without a reserve, are told as they are', async () => {
  await using at = await openAt({ free: roomy });
  await expect(at.reserve.makingRoom(async () => Promise.reject(full))).rejects.toBe(full);
  const other = new Error('damaged');
  let times = 0;
  const failing = at.reserve.makingRoom(async () => {
    times += 1;
    throw other;
  });
  await expect(failing).rejects.toBe(other);
  expect(times).toBe(1);
});

test('a start on a full disk gives the reserve up, and leaves the room free', async () => {
  const disk = { free: roomy };
  await using at = await openAt(disk);
  await at.reserve.fill();
  disk.free = reserveBytes;
  const { missingBytes, fill } = await at.again();
  await fill();
  expect([missingBytes, await at.size()]).toEqual([reserveBytes, 0]);
});

test('a part of a reserve is none', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'reserve'), 'cut off');
  expect((await openSpaceReserve({ folder: folder.path })).missingBytes).toBe(reserveBytes);
});
