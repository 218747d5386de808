// How each package manager installs one package in an empty folder, from a registry of its user's choice.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pnpm } from '../packed/pack.mjs';
import { run } from '../packed/run.mjs';
import { root } from '../workspace.mjs';

const yarn = join(root, 'tools/rehearsal/node_modules/@yarnpkg/cli-dist/bin/yarn.js');

/**
 * Each by its name: what it is told by files, and its command line. Caches lie beside the folder, and are the
 * rehearsal's.
 */
const managers = {
  npm: ({ url, cache }) => ({
    files: { '.npmrc': `registry=${url}\ncache=${cache}\nengine-strict=true\naudit=false\nfund=false\n` },
    command: (spec) => ['npm', ['install', spec]],
  }),
  pnpm: ({ url, cache }) => ({
    files: { '.npmrc': `registry=${url}\nstore-dir=${cache}\nengine-strict=true\n` },
    command: (spec) => pnpm('add', '--ignore-workspace', spec),
  }),
  yarn: ({ url, cache }) => ({
    files: {
      'yarn.lock': '',
      '.yarnrc.yml': JSON.stringify({
        npmRegistryServer: url,
        unsafeHttpWhitelist: ['127.0.0.1'],
        nodeLinker: 'node-modules',
        globalFolder: cache,
        enableTelemetry: false,
        npmMinimalAgeGate: 0,
      }),
    },
    command: (spec) => [process.execPath, [yarn, 'add', spec]],
  }),
  bun: ({ url, cache, bun }) => ({
    files: { 'bunfig.toml': `[install]\nregistry = "${url}"\n[install.cache]\ndir = "${cache}"\n` },
    command: (spec) => [bun, ['add', spec]],
  }),
};

/** Those that can be had here: Bun comes with `pnpm install:runtimes`. */
export function packageManagers(bun) {
  return Object.keys(managers).filter((name) => name !== 'bun' || existsSync(bun));
}

/** Installs `spec` in `folder`. Throws with what the manager said. */
export async function installWith(manager, spec, { folder, url, cache, bun }) {
  mkdirSync(folder, { recursive: true });
  const { files, command } = managers[manager]({ url, cache, bun });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const [file, args] = command(spec);
  // The pnpm that runs this script hands its own settings on, which would come before those of the folder.
  const env = { CI: '', COREPACK_ENABLE_STRICT: '0', npm_config_registry: url, NPM_CONFIG_REGISTRY: url };
  const { code, output } = await run(file, args, { cwd: folder, env });
  if (code !== 0) throw new Error(`${manager} cannot install ${spec}:\n${output}`);
}
