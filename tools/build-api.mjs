// Builds the API reference into api/ (not committed) from the docstrings of everything that the packages export. Fails
// for an exported symbol without one.
import { join } from 'node:path';
import { Application, ReflectionKind } from 'typedoc';
import { members, root } from './workspace.mjs';

const packages = members().filter(({ isApp, manifest }) => !isApp && !manifest.private);
const entryPoints = packages.flatMap(({ folder, manifest }) =>
  Object.values(manifest.exports)
    .flatMap((target) => target['@slipway/source'] ?? [])
    .map((file) => join(folder, file)),
);

const app = await Application.bootstrapWithPlugins({
  name: 'Slipway',
  entryPoints,
  tsconfig: join(root, 'tsconfig.json'),
  basePath: root,
  readme: join(root, 'README.md'),
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  skipErrorChecking: true, // `pnpm run typecheck` has done it
  logLevel: 'Warn',
  validation: false,
});
const project = await app.convert();
if (project === undefined) process.exit(1);
const kinds =
  ReflectionKind.Variable | ReflectionKind.Function | ReflectionKind.ClassOrInterface | ReflectionKind.TypeAlias;
const silent = project.getReflectionsByKind(kinds).filter((symbol) => isOurs(symbol) && !isDocumented(symbol));
for (const symbol of silent) console.error(`${symbol.getFriendlyFullName()} is exported without a docstring`);
await app.generateDocs(project, join(root, 'api'));
if (silent.length > 0 || app.logger.hasErrors()) process.exitCode = 1;
else console.log('api: every exported symbol has a docstring; the reference is in api/index.html');

/** What another package's types bring along is not ours to describe. */
function isOurs(symbol) {
  return project.getSymbolIdFromReflection(symbol)?.packageName.startsWith('@slipway/') ?? false;
}

function isDocumented(symbol) {
  return symbol.hasComment() || (symbol.signatures ?? []).some((signature) => signature.hasComment());
}
