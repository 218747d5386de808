// Builds the package in the current folder: one .js and one .d.ts per source file, nothing bundled. The .js is the
// source without its types, comments and all, so there are no maps. isolatedDeclarations makes every file stand alone,
// so no other package has to be built first.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const base = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile);
const { options } = ts.convertCompilerOptionsFromJson(
  { ...base.config.compilerOptions, noEmit: false, sourceMap: false, declarationMap: false },
  root,
);
// A file alone does not say that its package is of type "module": it is told.
const esm = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
// `transpileModule` emits no declarations, so it refuses the options that are about them; `transpileDeclaration` does
// that half.
const codeOptions = { ...options, ...esm, declaration: false, isolatedDeclarations: false };
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
  // A declaration may name its neighbours by their source ending; consumers only have the built ones.
  const declarations = types.outputText.replace(/(from\s+'|import\(')(\.[^']+)\.ts'/g, "$1$2.js'");
  writeFileSync(`${target}.d.ts`, withLibrary(withoutDoubles(declarations)));
}

/** Whoever compiles for ES2022 lacks the types of disposal: the declarations that use them bring them along. */
function withLibrary(declarations) {
  const isNeeded = /\b(?:Async)?Disposable\b|\bSymbol\.(?:asyncD|d)ispose\b/.test(declarations);
  return isNeeded ? `/// <reference lib="esnext.disposable" />\n${declarations}` : declarations;
}

/** The compiler, which sees one file and no library, declares a method of disposal twice: as a property too. */
function withoutDoubles(declarations) {
  return declarations.replace(/^ +(\[Symbol\.(?:asyncD|d)ispose\]): \(\) => .*;\n(?=(?:.*\n)*? +\1\()/gm, '');
}
