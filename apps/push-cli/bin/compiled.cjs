'use strict';
const {
  closeSync,
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

/** A run of so long does not feel the twentieth of a second that V8 needs to hand out what it compiled. */
const longRunSeconds = 2;

/**
 * So many runs look what V8 has compiled however short they are: the first is often `--help` or a mistake, and who then
 * pushes small images would compile what a push needs each time.
 */
const firstRuns = 3;

/** What was written so long ago is made anew by whoever still needs it. */
const oldMs = 60 * 24 * 60 * 60 * 1000;

/**
 * Loads a CommonJS program with what V8 compiled of it in earlier runs, and keeps that for the next ones: in the user's
 * cache folder, never in a shared one, for V8 runs what it is given. A cache that cannot be read or written, or is of
 * another Node or program, costs the time to compile and nothing else.
 */
exports.load = (path) => {
  const file = process.env.NODE_DISABLE_COMPILE_CACHE ? undefined : cacheFile(path);
  const kept = file === undefined ? undefined : ownBytes(file);
  const cachedData = kept?.subarray(0, -1);
  const source = asFunction(path);
  const script = new Script(source, { filename: path, cachedData });
  if (file !== undefined) {
    const isOfUse = cachedData !== undefined && !script.cachedDataRejected;
    keepAtExit(script, file, isOfUse ? { size: cachedData.byteLength, runs: kept.at(-1) } : { size: 0, runs: 0 });
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
    const named = [process.env.XDG_CACHE_HOME, process.env.LOCALAPPDATA].find((path) => path && isAbsolute(path));
    const folder = named ?? join(homedir(), '.cache');
    const name = `${process.version}-${process.arch}-${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}`;
    return join(folder, 'slipway', `${name}.v8cache`);
  } catch {
    return undefined;
  }
}

/** The bytes of a file that nobody else can have written. */
function ownBytes(file) {
  try {
    const { uid, mode } = statSync(file);
    const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    return isOwn ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * At the end V8 has also compiled what was first needed on the way. The first runs add that to what is kept, with a
 * byte that counts them; later only one that took its time looks whether there is more.
 */
function keepAtExit(script, file, known) {
  process.once('exit', () => {
    const isOneOfTheFirst = known.runs < firstRuns;
    if (!isOneOfTheFirst && process.uptime() < longRunSeconds) return;
    const temporary = `${file}.${process.pid}`;
    try {
      const compiled = script.createCachedData();
      if (!isOneOfTheFirst && compiled.byteLength < 1.05 * known.size) return;
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      const runs = Math.min(known.runs + 1, firstRuns);
      writeFileSync(temporary, Buffer.concat([compiled, Buffer.of(runs)]), { mode: 0o600, flag: 'wx' });
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
