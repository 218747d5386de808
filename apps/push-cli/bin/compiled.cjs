'use strict';
const {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { createRequire } = require('node:module');
const { homedir } = require('node:os');
const { dirname, isAbsolute, join } = require('node:path');
const { Script } = require('node:vm');

/**
 * A run after which V8 has so many times the code of when it was last kept adds to what is kept: its first `push`, say,
 * after one of `--help`. To hand out what it compiled takes V8 50 ms; to tell its size, 1.5.
 */
const worthwhileGrowth = 1.02;

/** Behind what V8 gave stands the size of its code, in bytes, a double. */
const trailerSize = 8;

/** What was written so long ago is made anew by whoever still needs it. */
const oldMs = 60 * 24 * 60 * 60 * 1000;

/**
 * Loads a CommonJS program with what V8 compiled of it in earlier runs, and keeps that for the next ones: in the user's
 * cache folder, never in a shared one, for V8 runs what it is given. A cache that cannot be read or written, or is of
 * another Node or program, costs the time to compile and nothing else. What Node 22.8 and later keep by themselves is
 * what the first run has compiled, whatever it was; a push then takes a third longer. Bun and Deno, which call
 * themselves by a version of Node, keep nothing here.
 */
exports.load = (path) => {
  const { bun, deno } = process.versions;
  const isKept = bun === undefined && deno === undefined && !process.env.NODE_DISABLE_COMPILE_CACHE;
  const file = isKept ? cacheFile(path) : undefined;
  const kept = file === undefined ? undefined : ownBytes(file);
  const cachedData = kept?.subarray(0, -trailerSize);
  const source = asFunction(path);
  const script = new Script(source, { filename: path, cachedData });
  if (file !== undefined) {
    const isOfUse = cachedData !== undefined && !script.cachedDataRejected;
    keepAtExit(script, file, isOfUse ? kept.readDoubleLE(cachedData.byteLength) : 0);
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(path), module, path, dirname(path));
};

/**
 * The text of a function around the program. The file is ASCII: put together as bytes, its two million letters are read
 * once and copied once, which is a tenth of the start.
 */
function asFunction(path) {
  const before = '(function (exports, require, module, __filename, __dirname) {';
  const after = '\n})';
  const file = openSync(path);
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.allocUnsafeSlow(before.length + size + after.length);
    let end = bytes.latin1Write(before);
    for (let read = 1; read > 0 && end < before.length + size; end += read) {
      read = readSync(file, bytes, end, before.length + size - end);
    }
    return bytes.latin1Slice(0, end + bytes.latin1Write(after, end));
  } finally {
    closeSync(file);
  }
}

/**
 * Named after all that decides whether it fits; V8 itself compares the length of the source, and its own version and
 * flags.
 */
function cacheFile(path) {
  try {
    const { size, mtimeMs } = statSync(path);
    // By its specification, a variable of XDG that is not absolute is to be ignored.
    const { NODE_COMPILE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
    const named = [NODE_COMPILE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA].find((path) => path && isAbsolute(path));
    const folder = named ?? join(homedir(), '.cache');
    const name = `${process.version}-${process.arch}-${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}`;
    return join(folder, 'slipway', `${name}.v8cache`);
  } catch {
    return undefined;
  }
}

/** The bytes of a file, if it is this user's and no other can write it. One opening for both: a name can be swapped. */
function ownBytes(path) {
  let file;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // a pipe would be waited for
    const status = fstatSync(file);
    const isOwn = process.getuid === undefined || (status.uid === process.getuid() && (status.mode & 0o022) === 0);
    return isOwn && status.isFile() ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Makes a folder, and those above it. `recursive` never ends where a file system takes none, as /proc. */
function makeFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch ({ code }) {
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw new Error(code);
    makeFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

/**
 * At the end V8 has also compiled what was first needed on the way: it is kept where that is more than in the runs
 * before, with the size of V8's code as it was then.
 */
function keepAtExit(script, file, knownSize) {
  process.once('exit', () => {
    const { bytecode_and_metadata_size: size } = require('node:v8').getHeapCodeStatistics();
    if (size < worthwhileGrowth * knownSize) return;
    const temporary = `${file}.${process.pid}`;
    try {
      const compiled = script.createCachedData();
      makeFolder(dirname(file));
      const trailer = Buffer.alloc(trailerSize);
      trailer.writeDoubleLE(size);
      writeFileSync(temporary, Buffer.concat([compiled, trailer]), { mode: 0o600, flag: 'wx' });
      renameSync(temporary, file);
      removeOld(dirname(file));
    } catch {
      try {
        rmSync(temporary, { force: true });
      } catch {} // nothing of it is there
    }
  });
}

/** Programs and Nodes that were replaced leave what was compiled for them. */
function removeOld(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.includes('.v8cache') && Date.now() - statSync(path).mtimeMs > oldMs) rmSync(path, { force: true });
  }
}
