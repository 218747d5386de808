'use strict';
const { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { homedir } = require('node:os');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

/**
 * Loads a CommonJS program with what V8 compiled of it in earlier runs, and keeps that for the next ones: in the user's
 * cache folder, never in a shared one, for V8 runs what it is given. A cache that cannot be read or written, or is of
 * another Node or program, costs the time to compile and nothing else.
 */
exports.load = (path) => {
  const file = process.env.NODE_DISABLE_COMPILE_CACHE ? undefined : cacheFile(path);
  const cachedData = file === undefined ? undefined : ownBytes(file);
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(path, 'utf8')}\n})`;
  const script = new Script(source, { filename: path, cachedData });
  if (file !== undefined && (cachedData === undefined || script.cachedDataRejected)) keepAtExit(script, file);
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(path), module, path, dirname(path));
};

/** Named after all that decides whether it fits; V8 itself compares the length of the source, and its own version and flags. */
function cacheFile(path) {
  try {
    const { size, mtimeMs } = statSync(path);
    const folder = process.env.XDG_CACHE_HOME || process.env.LOCALAPPDATA || join(homedir(), '.cache');
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

/** At the end V8 has also compiled what was first needed on the way. */
function keepAtExit(script, file) {
  process.once('exit', () => {
    const temporary = `${file}.${process.pid}`;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(temporary, script.createCachedData(), { mode: 0o600, flag: 'wx' });
      renameSync(temporary, file);
    } catch {
      try {
        rmSync(temporary, { force: true });
      } catch {} // nothing of it is there
    }
  });
}
