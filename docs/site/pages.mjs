// Which files of the repository are pages of the site, and where a link between files leads on it. A page lives where
// it is read in the repository too, so no text exists twice.
import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(fileURLToPath(import.meta.url), '../../..');

export const repository = 'https://github.com/slipway/slipway';

/** What is searched for pages. */
export const folders = ['docs', 'packages', 'apps', 'action', 'templates', 'examples', 'benchmarks'];

const named = {
  'apps/push-cli/README.md': 'slipway.md',
  'apps/push-server/README.md': 'slipwayd/index.md',
  'action/README.md': 'guides/github-action.md',
  'templates/README.md': 'guides/templates.md',
  'ARCHITECTURE.md': 'architecture.md',
  'CONTRIBUTING.md': 'contributing.md',
  'SECURITY.md': 'security.md',
  'CODE_OF_CONDUCT.md': 'code-of-conduct.md',
};

/** The page of the site, such as `packages/push.md`, that a file of the repository makes; nothing for other files. */
export function pageOf(path) {
  if (path.startsWith('docs/site/') || path.endsWith('CHANGELOG.md')) return undefined;
  if (Object.hasOwn(named, path)) return named[path];
  const inDocs = /^docs\/(.+\.md)$/.exec(path)?.[1];
  if (inDocs !== undefined) return inDocs.replace(/(^|\/)README\.md$/, '$1index.md');
  const readme = /^(packages\/[^/]+|examples\/[^/]+|benchmarks)\/README\.md$/.exec(path)?.[1];
  return readme === undefined || readme === 'packages/testkit' ? undefined : `${readme}.md`;
}

/** Where a relative link in a file of the repository leads on the site: to a page, or to the file at GitHub. */
export function linkOf(href, file) {
  const [path, anchor] = splitAnchor(href);
  if (path === '' || /^(?:[a-z]+:|\/)/i.test(path)) return href;
  const target = join(dirname(file), decodeURI(path));
  const inRepository = relative(root, target).replaceAll('\\', '/');
  const page = [inRepository, `${inRepository}/README.md`, `${inRepository}/index.md`]
    .map((each) => each.replace(/^\//, ''))
    .map((each) => (existsSync(join(root, each)) ? pageOf(each) : undefined))
    .find((each) => each !== undefined);
  if (page !== undefined) return `/${page.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}${anchor}`;
  if (!existsSync(target)) throw new Error(`${relative(root, file)} links to ${href}, which does not exist`);
  const kind = statSync(target).isDirectory() ? 'tree' : 'blob';
  return `${repository}/${kind}/main/${inRepository}${anchor}`;
}

function splitAnchor(href) {
  const at = href.indexOf('#');
  return at < 0 ? [href, ''] : [href.slice(0, at), href.slice(at)];
}
