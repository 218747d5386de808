// Texts of the repository: no mark of a merge that was left behind, and no comment or line of source code beyond the
// width of a line. Code is the formatter's, which breaks no strings.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const widest = 120;
const mark = /^(?:<{7} |>{7} |={7}$)/;
const comment = /^\s*(?:\/\/|\/\*|\*)/;
/** What has to stand in one line, or cannot be broken. */
const exempt = /biome-ignore|https?:\/\/\S+$|^\s*(?:\*|\/\/) *\||[\w+/]{100}/;
const source = /^(?:packages|apps)\/[^/]+\/src\/(?!.*\.test\.)/;

const { stdout } = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
const files = stdout
  .split('\0')
  .filter((path) => /\.(?:[cm]?[jt]s|md|ya?ml|json)$/.test(path) && existsSync(join(root, path)));
const problems = [];
for (const path of files) {
  const isSource = /\.[cm]?[jt]s$/.test(path);
  for (const [at, line] of readFileSync(join(root, path), 'utf8').split('\n').entries()) {
    if (mark.test(line)) problems.push(`${path}:${at + 1}: a merge was left unfinished`);
    const isJudged = isSource && (comment.test(line) || source.test(path));
    if (isJudged && line.length > widest && !exempt.test(line))
      problems.push(`${path}:${at + 1}: a line of ${line.length} columns; ${widest} are the most`);
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`texts: ${files.length} files`);
