// Refuses imports that do not point down, circles of imports, I/O on the lower floors, names that say nothing, and
// packages whose texts name flags of a program. `--self-test` builds bad trees in a temporary folder and makes sure
// that each is refused.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { portableEntries } from './packed/portable.mjs';
import { filesBelow, floors, members, root } from './workspace.mjs';

const testkit = '@slipway/testkit';
/** A flag in a text, unless the text says whose it is: advice to run another program names that program's. */
const flag = /(?:^|[^-\w])--[a-z][a-z-]+/;
const namesProgram = /\b(?:podman|docker|skopeo) [a-z]+ /;
/** The one table that a program's help is made of. */
const flagTable = 'packages/client/src/options/option-table.ts';
/**
 * The one file of a package that may read the environment: whoever wants none of it takes another entry, or hands one
 * in.
 */
const environmentFile = 'packages/client/src/environment.ts';
const ioModules = new Set(['fs', 'net', 'tls', 'dgram', 'http', 'https', 'http2', 'child_process']);
const emptyNames = /^(?:utils?|helpers?|common|misc|shared)$/;

if (process.argv.includes('--self-test')) selfTest();
else report(checkTree(root));

function report(problems) {
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) console.log('floors: every import points down');
  process.exitCode = problems.length === 0 ? 0 : 1;
}

/** Every breach below `base`, as one line each. */
function checkTree(base) {
  const all = members(base);
  return [
    ...all.flatMap((member) => [...checkManifest(member), ...checkSources(member), ...checkCircles(member)]),
    ...portableEntries.flatMap((entry) => checkPortable(entry, all)),
  ];
}

/** Modules of Node that a portable entry loads, itself or through the entries of ours that it imports. */
function checkPortable(entry, all, from = 'a portable entry', seen = new Set()) {
  const name = entry.split('/', 2).join('/');
  const member = all.find(({ manifest }) => manifest.name === name);
  const target = member?.manifest.exports?.[`.${entry.slice(name.length)}`];
  if (target === undefined) return [];
  // What `default` leads to is what is loaded where there is no Node.
  const file = join(member.folder, target.default.replace(/^\.\/dist\/(.*)\.js$/, './src/$1.ts'));
  return checkPortableFile(file, `${from}: ${entry}`, all, seen);
}

function checkPortableFile(file, way, all, seen) {
  if (seen.has(file)) return [];
  seen.add(file);
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, false);
  return tree.statements.filter(isLoading).flatMap((node) => {
    const specifier = specifierOf(node);
    if (specifier.startsWith('.')) return checkPortableFile(resolve(dirname(file), specifier), way, all, seen);
    if (isOurs(specifier)) return checkPortable(specifier, all, way, seen);
    return isBuiltin(specifier) ? [`${file}: ${specifier} is a module of Node, and is loaded by ${way}`] : [];
  });
}

/** Whether an import or export has something loaded: types alone do not. */
function isLoading(node) {
  if (ts.isExportDeclaration(node)) {
    const elements = node.exportClause?.elements;
    return node.moduleSpecifier !== undefined && !node.isTypeOnly && !elements?.every((each) => each.isTypeOnly);
  }
  if (!ts.isImportDeclaration(node)) return false;
  const { importClause: clause } = node;
  if (clause === undefined || clause.name !== undefined) return !clause?.isTypeOnly;
  const elements = clause.namedBindings?.elements;
  return !clause.isTypeOnly && !elements?.every((each) => each.isTypeOnly);
}

function checkManifest({ path, isApp, manifest }) {
  const file = `${path}/package.json`;
  if (!floors.has(manifest.name)) return [`${file}: ${manifest.name} has no floor: add it to tools/workspace.mjs`];
  const problems = [];
  for (const key of ['dependencies', 'peerDependencies', 'optionalDependencies', 'devDependencies']) {
    for (const name of Object.keys(manifest[key] ?? {}).filter(isOurs)) {
      const problem = arrowProblem(manifest.name, name);
      if (problem) problems.push(`${file}: ${key}: ${problem}`);
      else if (name === testkit && key !== 'devDependencies')
        problems.push(`${file}: ${key}: ${testkit} may only be a devDependency`);
      else if (isApp && key !== 'devDependencies')
        problems.push(`${file}: ${key}: ${name} is bundled, so it is a devDependency`);
    }
  }
  return problems;
}

/** Why `from` may not use `to`; undefined if it may. */
function arrowProblem(from, to) {
  const lower = floors.get(to);
  const upper = floors.get(from);
  if (lower === undefined) return `${to} has no floor`;
  if (from === to) return `${from} imports itself by name`;
  if (lower === 'wing')
    return upper !== 'wing' && upper >= 3 ? undefined : `${from} (floor ${upper}) may not lean on ${to}`;
  if (upper === 'wing')
    return lower <= 2 ? undefined : `${from} leans on floors 0 to 2 only, not on ${to} (floor ${lower})`;
  return lower < upper ? undefined : `${from} (floor ${upper}) may not import ${to} (floor ${lower})`;
}

function checkSources(member) {
  const problems = [];
  const source = join(member.folder, 'src');
  for (const name of filesBelow(source)) {
    const file = `${member.path}/src/${name}`;
    if (name.split('/').some((part) => emptyNames.test(part.replace(/\..*$/, '')))) {
      problems.push(`${file}: the name says nothing: move what it holds to the file that owns the concept`);
    }
    if (/\.m?ts$/.test(name))
      problems.push(...checkSource(member, source, name).map((problem) => `${file}:${problem}`));
  }
  return problems;
}

/** Circles of imports within a member, types included: each as one line that names its files. */
function checkCircles({ folder, path }) {
  const source = join(folder, 'src');
  const files = filesBelow(source).filter((name) => /\.m?ts$/.test(name) && !/\.test\.m?ts$/.test(name));
  const imports = new Map(files.map((name) => [name, importsOf(source, name)]));
  const problems = [];
  const done = new Set();
  const walk = (name, way) => {
    if (way.includes(name)) {
      const circle = [...way.slice(way.indexOf(name)), name];
      problems.push(`${path}/src: a circle of imports: ${circle.join(' -> ')}`);
      return;
    }
    if (done.has(name)) return;
    for (const target of imports.get(name) ?? []) walk(target, [...way, name]);
    done.add(name);
  };
  for (const name of files) walk(name, []);
  return problems;
}

/** Files of the same member that a file imports when it is loaded, or whose types it names. */
function importsOf(source, name) {
  const tree = ts.createSourceFile(name, readFileSync(join(source, name), 'utf8'), ts.ScriptTarget.Latest, false);
  return tree.statements.flatMap((node) => {
    const specifier = ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? specifierOf(node) : undefined;
    return specifier?.startsWith('.') ? relative(source, resolve(dirname(join(source, name)), specifier)) : [];
  });
}

function checkSource({ folder, path, isApp, manifest }, source, name) {
  const problems = [];
  const isEnvironmentFile = `${path}/src/${name}` === environmentFile;
  const text = readFileSync(join(source, name), 'utf8');
  const tree = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, false);
  const isTest = /\.test\.m?ts$/.test(name);
  const floor = floors.get(manifest.name);
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  if (isApp || isTest) declared.push(...Object.keys(manifest.devDependencies ?? {}));
  visit(tree);
  return problems;

  function visit(node) {
    if (ts.isExportDeclaration(node) && node.exportClause === undefined)
      add(node, '`export *` hides what is exported: name it');
    const specifier = specifierOf(node);
    if (specifier !== undefined) checkImport(node, specifier);
    if (!isTest && !isApp && floor !== 'wing' && `${path}/src/${name}` !== flagTable && namesFlag(node))
      add(node, 'a package names its options (`format: oci`); which flags they are is for the program to say');
    if (!isTest && floor !== 'wing' && makesFoldersAbove(node))
      add(node, 'mkdir with `recursive` never ends below /proc, and hides reasons: makeFolder of @slipway/file-lock');
    if (!isTest && !isApp && floor !== 'wing' && !isEnvironmentFile && readsEnvironment(node))
      add(node, 'process.env is read in apps, by test equipment and in the client’s environment.ts: take an option');
    ts.forEachChild(node, visit);
  }

  function checkImport(node, specifier) {
    if (specifier.startsWith('.')) {
      const target = relative(folder, resolve(dirname(join(source, name)), specifier));
      if (target.startsWith('..')) add(node, `${specifier} leaves the package: import it by name`);
      return;
    }
    const module = specifier.replace(/^node:/, '');
    if (!isTest && floor <= 2 && ioModules.has(module.split('/')[0]))
      add(node, `${specifier} is I/O, which floors 0 to 2 do not do`);
    const target = specifier.startsWith('@') ? specifier.split('/', 2).join('/') : specifier.split('/')[0];
    if (!isOurs(target)) return;
    const problem = arrowProblem(manifest.name, target);
    if (problem) add(node, problem);
    else if (target === testkit && !isTest && !isApp) add(node, `${testkit} is for tests`);
    else if (!declared.includes(target)) add(node, `${target} is not among the dependencies`);
  }

  function add(node, problem) {
    problems.push(`${tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1}: ${problem}`);
  }
}

/** What a node imports, be it a type, a value or a module asked for at run time. */
function specifierOf(node) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isImportTypeNode(node)) return textOf(node.argument.literal);
  const isCall = ts.isCallExpression(node) && node.arguments.length > 0;
  const isImport =
    isCall && (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.text === 'require');
  return isImport ? textOf(node.arguments[0]) : undefined;
}

/** Whether a literal, or a piece of a template, has a flag of a program of ours in it. */
function namesFlag(node) {
  const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
  return isText && flag.test(node.text) && !namesProgram.test(node.text);
}

function makesFoldersAbove(node) {
  if (!ts.isCallExpression(node)) return false;
  const name = (node.expression.name ?? node.expression).text;
  const [, options] = node.arguments;
  const properties = options !== undefined && ts.isObjectLiteralExpression(options) ? options.properties : [];
  return /^mkdir(?:Sync)?$/.test(name ?? '') && properties.some((each) => each.name?.text === 'recursive');
}

function readsEnvironment(node) {
  const isMember = ts.isPropertyAccessExpression(node) && node.name.text === 'env';
  const isElement = ts.isElementAccessExpression(node) && node.argumentExpression.text === 'env';
  if (isMember || isElement) return node.expression.text === 'process' || node.expression.name?.text === 'process';
  const isImported = ts.isImportDeclaration(node) && /^(?:node:)?process$/.test(node.moduleSpecifier.text);
  const bindings = isImported ? node.importClause?.namedBindings : undefined;
  return (
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.some((e) => (e.propertyName ?? e.name).text === 'env')
  );
}

function textOf(node) {
  return node && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function isOurs(name) {
  return name === 'slipway' || name.startsWith('@slipway/');
}

function selfTest() {
  const bad = [
    // what it says, package, its dependencies, files of src
    ['may not import @slipway/manifest', 'packages/reference', { dependencies: { '@slipway/manifest': '1' } }, {}],
    ['may not import @slipway/push', 'packages/image-store', { devDependencies: { '@slipway/push': '1' } }, {}],
    ['may not lean on @slipway/testkit', 'packages/manifest', { devDependencies: { '@slipway/testkit': '1' } }, {}],
    ['may only be a devDependency', 'packages/push', { dependencies: { '@slipway/testkit': '1' } }, {}],
    ['is bundled', 'apps/push-cli', { name: 'slipway', dependencies: { '@slipway/push': '1' } }, {}],
    ['leans on floors 0 to 2 only', 'packages/testkit', { dependencies: { '@slipway/push': '1' } }, {}],
    ['has no floor', 'packages/attic', {}, {}],
    [
      'may not import @slipway/transfer',
      'packages/manifest',
      {},
      { 'a.ts': "import type { A } from '@slipway/transfer';" },
    ],
    ['may not import @slipway/push', 'packages/manifest', {}, { 'a.ts': "export { a } from '@slipway/push';" }],
    ['may not import @slipway/push', 'packages/manifest', {}, { 'a.ts': "type A = import('@slipway/push').A;" }],
    ['may not import @slipway/push', 'packages/manifest', {}, { 'a.ts': "await import('@slipway/push/deep');" }],
    ['imports itself', 'packages/manifest', {}, { 'a.ts': "import { a } from '@slipway/manifest';" }],
    ['not among the dependencies', 'packages/manifest', {}, { 'a.ts': "import { a } from '@slipway/digest';" }],
    [
      'is for tests',
      'packages/push',
      { devDependencies: { '@slipway/testkit': '1' } },
      { 'a.ts': "import { a } from '@slipway/testkit';" },
    ],
    ['leaves the package', 'packages/manifest', {}, { 'a.ts': "import { a } from '../../digest/src/index.ts';" }],
    ['is I/O', 'packages/transfer', {}, { 'a.ts': "import { readFile } from 'node:fs/promises';" }],
    ['is I/O', 'packages/digest', {}, { 'deep/a.ts': "import net from 'net';" }],
    ['process.env', 'packages/push', {}, { 'a.ts': 'const a = process.env.A;' }],
    ['process.env', 'packages/push', {}, { 'environment.ts': 'const a = process.env.A;' }],
    ['process.env', 'packages/client', {}, { 'deep/environment.ts': 'const a = process.env.A;' }],
    ['process.env', 'packages/push', {}, { 'a.ts': "const a = globalThis.process['env'];" }],
    ['process.env', 'packages/push', {}, { 'a.ts': "import { env as e } from 'node:process';" }],
    ['makeFolder', 'packages/push', {}, { 'a.ts': 'await mkdir(path, { recursive: true, mode: 0o700 });' }],
    ['makeFolder', 'apps/push-cli', { name: 'slipway' }, { 'a.ts': 'fs.mkdirSync(path, { recursive: true });' }],
    ['says nothing', 'packages/push', {}, { 'utils.ts': '' }],
    ['says nothing', 'packages/push', {}, { 'common/a.ts': '' }],
    ['`export *`', 'packages/push', {}, { 'index.ts': "export * from './a.ts';" }],
    [
      'a circle of imports: a.ts -> b.ts -> a.ts',
      'packages/push',
      {},
      { 'a.ts': "import { b } from './b.ts';", 'b.ts': "import type { A } from './a.ts';" },
    ],
    [
      'a circle of imports',
      'packages/push',
      {},
      {
        'a.ts': "export { b } from './deep/b.ts';",
        'deep/b.ts': "import { c } from './c.ts';",
        'deep/c.ts': "import '../a.ts';",
      },
    ],
    ['`export *`', 'packages/push', {}, { 'index.ts': "export type * from './a.ts';" }],
    ['names its options', 'packages/push', {}, { 'a.ts': "const hint = 'choose --format oci';" }],
    [
      'names its options',
      'packages/client',
      {},
      { 'deep/a.ts': 'const hint = `\u0024{1} is for (--dry-run) \u0024{2}`;' },
    ],
    ['names its options', 'packages/push', {}, { 'a.ts': 'const hint = `leave \u0024{1} out, or --force`;' }],
    [
      'is loaded by a portable entry',
      'packages/manifest',
      { exports: { '.': { default: './dist/index.js' } } },
      { 'index.ts': "export { a } from './deep/a.ts';", 'deep/a.ts': "import { tmpdir } from 'node:os';" },
    ],
  ];
  const good = [
    [
      'packages/push',
      {},
      {
        'a.ts': "const hint = 'podman save --format oci-archive'; const rule = '-----BEGIN'; // as --format",
        'a.test.ts': "'--x'",
      },
    ],
    ['packages/client', {}, { 'options/option-table.ts': "const help = 'with --all-tags: …';" }],
    ['apps/push-cli', { name: 'slipway' }, { 'a.ts': "const hint = 'use --format oci';" }],
    ['packages/client', {}, { 'environment.ts': 'const a = process.env.A;' }],
    ['packages/push', {}, { 'a.ts': 'await mkdir(path, { mode: 0o700 }); await rm(path, { recursive: true });' }],
    [
      'packages/manifest',
      { dependencies: { '@slipway/digest': '1' } },
      { 'a.ts': "import { a } from '@slipway/digest'; // process.env" },
    ],
    [
      'packages/push',
      { devDependencies: { '@slipway/testkit': '1' } },
      { 'a.test.ts': "import { a } from '@slipway/testkit'; process.env.A;" },
    ],
    [
      'packages/push',
      {},
      { 'a.ts': "import { b } from './b.ts'; import 'node:fs'; const text = \"export * from 'x'\";" },
    ],
    [
      'packages/manifest',
      { exports: { '.': { node: './dist/index.js', default: './dist/portable.js' } } },
      {
        'index.ts': "import { tmpdir } from 'node:os';",
        'portable.ts': "import type { A } from 'node:os'; export { type B } from 'node:net-types';",
      },
    ],
    [
      'apps/push-cli',
      { name: 'slipway', devDependencies: { '@slipway/testkit': '1' } },
      { 'a.ts': "import('@slipway/testkit'); process.env.A;" },
    ],
  ];
  const failures = [];
  for (const [expected, ...tree] of bad) {
    const problems = problemsOf(...tree);
    if (!problems.some((problem) => problem.includes(expected)))
      failures.push(`not refused (${expected}): ${JSON.stringify(tree)}`);
  }
  for (const tree of good) {
    for (const problem of problemsOf(...tree)) failures.push(`refused (${problem}): ${JSON.stringify(tree)}`);
  }
  for (const failure of failures) console.error(failure);
  if (failures.length === 0)
    console.log(`floors: ${bad.length} bad trees refused, ${good.length} good ones let through`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

function problemsOf(path, manifest, files) {
  const base = mkdtempSync(join(tmpdir(), 'check-floors-'));
  try {
    mkdirSync(join(base, path), { recursive: true });
    writeFileSync(
      join(base, path, 'package.json'),
      JSON.stringify({ name: `@slipway/${basename(path)}`, ...manifest }),
    );
    for (const [name, text] of Object.entries(files)) {
      const file = join(base, path, 'src', name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return checkTree(base);
  } finally {
    rmSync(base, { recursive: true });
  }
}
