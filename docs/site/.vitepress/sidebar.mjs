import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { members } from '../../../tools/workspace.mjs';
import { root } from '../pages.mjs';

/** Every page that a reader should find, in the order in which one comes to need them. */
export function sidebar() {
  return [
    section('Start', [
      ['Install', '/install'],
      ['The first push', '/first-push'],
      ['How a push works', '/concepts'],
    ]),
    section('Guides', [
      ['CI without Docker', '/guides/ci'],
      ['Templates for CI systems', '/guides/templates'],
      ['GitHub Action', '/guides/github-action'],
      ['Mirror a registry', '/guides/mirror'],
      ['Into a network without internet', '/guides/air-gapped'],
      ['A registry with a private CA', '/guides/private-ca'],
      ['Sign what is pushed', '/guides/signing'],
      ['Artifacts', '/artifacts'],
      ['A daemon for a team', '/guides/team-daemon'],
      ['From a Node program', '/guides/embedding'],
    ]),
    section('Coming from', [
      ['docker', '/guides/from-docker'],
      ['skopeo', '/guides/from-skopeo'],
      ['crane', '/guides/from-crane'],
      ['regctl', '/guides/from-regctl'],
      ['oras', '/artifacts#from-oras'],
    ]),
    section('Reference', [
      ['Commands', '/commands'],
      ['Options', '/options'],
      ['Sources', '/sources'],
      ['Credentials, certificates, proxies', '/network'],
      ['Registries', '/registries'],
      ['Errors', '/errors'],
      ['Requests of a push', '/requests'],
      ['Performance', '/performance'],
      ['Platforms', '/platforms'],
      ['Registries of old', '/legacy'],
      ['Vocabulary', '/vocabulary'],
    ]),
    section('Programs', [
      ['slipway', '/slipway'],
      ['slipwayd', '/slipwayd/'],
      ...pagesIn('docs/slipwayd').map(([title, name]) => [title, `/slipwayd/${name}`]),
    ]),
    section(
      'Packages',
      [
        ['What an installation brings', '/packages'],
        ['What each exports', '/exports'],
        ...members()
          .filter(({ isApp, manifest }) => !isApp && !manifest.private)
          .map(({ path, manifest }) => [manifest.name, `/${path}`]),
      ],
      true,
    ),
    section(
      'The project',
      [
        ['Architecture', '/architecture'],
        ['Contributing', '/contributing'],
        ['Security', '/security'],
        ['Code of conduct', '/code-of-conduct'],
        ['Benchmarks', '/benchmarks'],
        ['A newcomer’s walk', '/newcomers-walk'],
        ['The designs, line by line', '/seeds'],
      ],
      true,
    ),
    section('Decisions', [['What they are', '/decisions/'], ...decisions()], true),
  ];
}

function section(text, pages, collapsed = false) {
  return { text, collapsed, items: pages.map(([title, link]) => ({ text: title, link })) };
}

function decisions() {
  return pagesIn('docs/decisions').map(([title, name]) => [title, `/decisions/${name}`]);
}

/** Title and name of each page of a folder, in the order of their names. */
function pagesIn(path) {
  const folder = join(root, path);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .sort()
    .map((name) => [titleOf(join(folder, name)), name.replace(/\.md$/, '')]);
}

function titleOf(file) {
  return readFileSync(file, 'utf8').split('\n', 1)[0].replace(/^# /, '');
}
