import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { defineConfig } from 'vitepress';
import { folders, linkOf, pageOf, repository, root } from '../pages.mjs';
import { sidebar } from './sidebar.mjs';

const others = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !folders.includes(entry.name))
  .map((entry) => `${entry.name}/**`);

const icon =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M1 11h14l-3 3H4zM7 2h2v8H7zM10 4l4 6h-4z' fill='%233451b2'/></svg>";

/** Pages lie outside of the folder that has VitePress installed; what they are compiled to needs its Vue. */
const vueForAllPages = {
  name: 'vue-for-all-pages',
  enforce: 'pre',
  async resolveId(id, importer) {
    if (!/^vue(?:$|\/)/.test(id) || !importer?.endsWith('.md')) return undefined;
    return await this.resolve(id, createRequire(import.meta.url).resolve('vitepress/package.json'), { skipSelf: true });
  },
};

export default defineConfig({
  title: 'Slipway',
  description: 'Pushes container images to registries, without a daemon',
  lang: 'en',
  head: [['link', { rel: 'icon', href: icon }]],
  base: process.env.SLIPWAY_SITE_BASE ?? '/',
  srcDir: '../..',
  srcExclude: [...others, '**/CHANGELOG.md', '**/test/**', 'README.md', 'packages/testkit/**', 'docs/site/**'],
  rewrites: (id) => pageOf(id) ?? id,
  cleanUrls: true,
  metaChunk: true,
  lastUpdated: false,
  // Made by TypeDoc, beside the pages of VitePress.
  ignoreDeadLinks: [/^\/api\//],
  vite: { plugins: [vueForAllPages], logLevel: 'warn', build: { rollupOptions: { treeshake: false } } },
  markdown: {
    languageAlias: { gitignore: 'text' },
    config(md) {
      md.core.ruler.after('inline', 'links-of-the-repository', ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const [name, from] = token.type === 'link_open' ? ['href', env.realPath ?? env.path] : [];
          if (name !== undefined) token.attrSet(name, linkOf(token.attrGet(name), from));
        }
      });
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Install', link: '/install' },
      { text: 'Guides', link: '/first-push', activeMatch: '^/(?:guides|first-push|artifacts)' },
      { text: 'Reference', link: '/commands', activeMatch: '^/(?:commands|options|errors|registries|sources)' },
      { text: 'API', link: '/api/index.html', target: '_self' },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    externalLinkIcon: false,
    socialLinks: [{ icon: 'github', link: repository }],
    editLink: { pattern: `${repository}/edit/main/:path`, text: 'Change this page' },
  },
});
