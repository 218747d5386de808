// Builds the package in the current folder: one .js and one .d.ts per source file, nothing bundled.
// isolatedDeclarations makes every file stand alone, so no other package has to be built first.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const base = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile);
const { options } = ts.convertCompilerOptionsFromJson({ ...base.config.compilerOptions, noEmit: false }, root);
// A file alone does not say that its package is of type "module": it is told.
const esm = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
// `transpileModule` emits no declarations, so it refuses the options that are about them; `transpileDeclaration` does that half.
const codeOptions = { ...options, ...esm, declaration: false, declarationMap: false, isolatedDeclarations: false };
const typeOptions = { ...options, ...esm };

const diagnostics = [];
rmSync('dist', { recursive: true, force: true });
for (const file of readdirSync('src', { recursive: true })) {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
  build(file);
}
if (diagnostics.length > 0) {
  const host = { getCanonicalFileName: (f) => f, getCurrentDirectory: () => process.cwd(), getNewLine: () => '\n' };
  process.stderr.write(ts.formatDiagnosticsWithColorAndContext(diagnostics, host));
  process.exit(1);
}

function build(file) {
  const source = readFileSync(join('src', file), 'utf8');
  const target = join('dist', file.replace(/\.ts$/, ''));
  const fileName = basename(file);
  const code = ts.transpileModule(source, { compilerOptions: codeOptions, fileName, reportDiagnostics: true });
  const types = ts.transpileDeclaration(source, { compilerOptions: typeOptions, fileName, reportDiagnostics: true });
  diagnostics.push(...(code.diagnostics ?? []), ...(types.diagnostics ?? []));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.js`, code.outputText);
  writeFileSync(`${target}.js.map`, withSource(code.sourceMapText, target, file));
  // A declaration may name its neighbours by their source ending; consumers only have the built ones.
  writeFileSync(`${target}.d.ts`, types.outputText.replace(/(from\s+'|import\(')(\.[^']+)\.ts'/g, "$1$2.js'"));
  if (types.sourceMapText) writeFileSync(`${target}.d.ts.map`, withSource(types.sourceMapText, target, file));
}

/** Points a map at the published source, so that "go to definition" lands in real code. */
function withSource(map, target, file) {
  const depth = dirname(target).split('/').length;
  return JSON.stringify({ ...JSON.parse(map), sources: [`${'../'.repeat(depth)}src/${file}`] });
}
