import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/** A program of another year is no measure: what it is built with has become faster since. */
const oldAfterMonths = 18;
const monthMs = (365.25 / 12) * 24 * 60 * 60 * 1000;

/**
 * Which programs are compared: version, the Go they are built with, and when, which is the date that their package gave
 * the file. A wrapper (of a chroot, say) hides all but the version.
 */
export function versionsOf(programs, now = Date.now()) {
  return programs
    .filter(({ version }) => version !== undefined)
    .map(({ name, path, version }) => {
      const [file, ...args] = version(path);
      const { stdout = '', stderr = '' } = spawnSync(file, args, { encoding: 'utf8' });
      const said = `${stdout}\n${stderr}`;
      const found = /\d+\.\d+[\w.+~-]*/.exec(said)?.[0] ?? 'unknown';
      if (name === 'slipway') return { name, version: `${found} on Node ${process.versions.node}` };
      const bytes = readFileSync(path);
      const isWrapper = bytes.subarray(0, 2).toString() === '#!';
      const built = isWrapper ? undefined : statSync(path).mtime;
      return {
        name,
        version: found,
        go: (/\bgo\d+\.\d+(\.\d+)?/.exec(said) ?? /\bgo1\.\d+(\.\d+)?/.exec(buildInfoOf(bytes)))?.[0],
        built: built?.toISOString().slice(0, 10),
        isOld: built !== undefined && now - built.getTime() > oldAfterMonths * monthMs,
      };
    });
}

/** Where Go writes into its programs what they are built with. @see https://pkg.go.dev/debug/buildinfo */
function buildInfoOf(bytes) {
  const at = bytes.indexOf(Buffer.from('\xff Go buildinf:', 'latin1'));
  return at < 0 ? '' : bytes.subarray(at, at + 64).toString('latin1');
}

/** One line for each, and a warning for each that is old. */
export function describeVersions(versions) {
  const lines = versions.map(({ name, version, go, built }) =>
    [`${name} ${version}`, go && `built with ${go}`, built && `of ${built}`].filter(Boolean).join(', '),
  );
  const warnings = versions
    .filter(({ isOld }) => isOld)
    .map(
      ({ name, built }) =>
        `Warning: this ${name} is of ${built}. To be faster than it says little of the ${name} of today: give newer programs with --peers.`,
    );
  return { lines, warnings };
}
