import { execFileSync } from 'node:child_process';
import { pageOf, root } from '../pages.mjs';

/** The files of the repository that are pages of the site. */
export function pageFiles(): readonly string[] {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: root, encoding: 'utf8' });
  return files.split('\n').filter((path) => path !== '' && pageOf(path) !== undefined);
}
