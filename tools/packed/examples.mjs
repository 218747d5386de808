// Compiles and runs the examples of the packages' READMEs, and of guides, with what npm has installed, against a
// registry of their own. A comment behind a `console.log` is what it has to print; `…` stands for anything.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import ts from 'typescript';
import { root } from '../workspace.mjs';
import { run } from './run.mjs';

/** What an example may count on: a registry under these names, and these files. */
const addresses = ['127.0.0.1:5000', 'ghcr.io'];

const guides = ['docs/guides/embedding.md', 'docs/artifacts.md'];

/** `members` are the packages of the workspace; all are installed in `folder`, with `@types/node`. */
export async function checkExamples(members, folder) {
  const testkit = await import(join(root, 'packages/testkit/dist/index.js'));
  const files = join(folder, 'example-files');
  await writeFiles(testkit, files);
  const readmes = members.map(({ manifest, path }) => ({ name: manifest.name, path: `${path}/README.md` }));
  const pages = guides.map((path) => ({ name: path.replace(/\.md$/, ''), path }));
  const examples = [...readmes, ...pages].flatMap(examplesOf);
  const problems = [];
  for (const example of examples) writeFileSync(join(folder, `${example.id}.mts`), example.code);
  problems.push(...(await compileAll(examples, folder)));
  for (const example of examples) {
    const registry = await testkit.startRegistry();
    try {
      problems.push(...(await runExample(example, folder, files, registry.host)));
    } finally {
      await registry[Symbol.asyncDispose]();
    }
  }
  if (problems.length === 0) console.log(`packages: ${examples.length} examples of READMEs and guides compile and run`);
  return problems;
}

/** A block without an import goes on where the one before it ends. */
function examplesOf({ name, path }) {
  const text = readFileSync(join(root, path), 'utf8');
  const examples = [];
  for (const [, code] of text.matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)) {
    const last = examples.at(-1);
    if (last !== undefined && !/^import /m.test(code)) last.code += `\n${code}`;
    else examples.push({ code, ...namesOf(name, path, examples.length + 1) });
  }
  return examples;
}

function namesOf(name, path, number) {
  return { id: `${name.replace(/\W+/g, '-')}-${number}`, place: `${path}, example ${number}` };
}

async function writeFiles({ randomImage, writeDockerArchive }, folder) {
  mkdirSync(folder, { recursive: true });
  const image = await randomImage({ seed: 3, layers: [{ size: 300_000 }, { size: 20_000, kind: 'random' }] });
  for (const name of ['app.tar', 'image.tar']) {
    await writeDockerArchive(join(folder, name), [{ image, references: ['demo/app:v1'] }]);
  }
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'dist/index.html'), '<h1>hello</h1>\n');
  writeFileSync(join(folder, 'sbom.json'), '{"bomFormat":"CycloneDX"}\n');
  const layer = await run('tar', ['-cf', join(folder, 'layer.tar'), '-C', folder, 'app.tar']);
  const packed = await run('gzip', ['-k', join(folder, 'layer.tar')]);
  if (layer.code !== 0 || packed.code !== 0) throw new Error(`${layer.output}${packed.output}`);
}

async function compileAll(examples, folder) {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    skipLibCheck: true,
  };
  const project = join(folder, 'tsconfig.examples.json');
  const files = examples.map(({ id }) => `${id}.mts`);
  writeFileSync(project, JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { code, output } = await run(process.execPath, [tsc, '-p', project], { cwd: folder });
  if (code === 0) return [];
  return [examples.reduce((text, { id, place }) => text.replaceAll(`${id}.mts`, place), output)];
}

async function runExample({ id, place, code }, folder, files, host) {
  const cwd = join(folder, id);
  cpSync(files, cwd, { recursive: true });
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const local = addresses.reduce((text, address) => text.replaceAll(address, host), code);
  const { outputText } = ts.transpileModule(local, { compilerOptions });
  writeFileSync(join(cwd, 'example.mjs'), outputText);
  if (/\bskopeo\(/.test(code) && !isInPath('skopeo')) {
    console.log(`${place}: skopeo is not here, so it was not run`);
    return process.env.CI === 'true' ? [`${place}: skopeo is missing`] : [];
  }
  const { code: status, output } = await run(process.execPath, ['example.mjs'], { cwd, env: { HOME: cwd } });
  if (status !== 0) return [`${place} fails:\n${output}`];
  return promisesOf(code).flatMap((promise) =>
    promise.pattern.test(output.replace(/\s+/g, ''))
      ? []
      : [`${place}: expected the output ${promise.text}, got\n${output}`],
  );
}

/** What the comments behind `console.log(…)` promise. */
function promisesOf(code) {
  return [...code.matchAll(/^ *(?:if \(.*\) )?console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => {
    const parts = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, ''));
    return { text, pattern: new RegExp(parts.join('[^]*?')) };
  });
}

function isInPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}
