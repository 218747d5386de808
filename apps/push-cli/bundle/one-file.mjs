import { leanBuiltins, performanceNow } from './builtins.mjs';

/**
 * Joins the bundler's chunks to one file. Each is a function in it, which is called when the program first needs one of
 * its modules: what a run does not use is neither made nor looked at, and no further file is searched, read and linked.
 */
export function oneFile(name) {
  return {
    name: 'one-file',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter(({ type }) => type === 'chunk');
      const entry = chunks.find(({ fileName }) => fileName === name);
      this.emitFile({ type: 'asset', fileName: 'chunks.json', source: modulesOf(chunks) });
      entry.code = inAscii(joined(chunks, entry));
      for (const chunk of chunks) if (chunk !== entry) delete bundle[chunk.fileName];
    },
  };
}

/** Calls a chunk once. One that is being called is handed out as it is, as a module of a circle is. */
const chunkOnce =
  'const chunkExports=[],chunk=at=>{' +
  'const known=chunkExports[at];if(known!==void 0)return known;' +
  'const exports=chunkExports[at]={};chunks[at](exports);return exports};\n';

function joined(chunks, entry) {
  const places = new Map(chunks.map(({ fileName }, at) => [`./${fileName}`, at]));
  const functions = leanBuiltins(chunks.map(({ code }) => withPlainExports(withChunks(code, places))));
  const list = functions.map((code) => `exports=>{${code}\n}`).join(',\n');
  return `${performanceNow}${chunkOnce}const chunks=[\n${list}];\nchunk(${places.get(`./${entry.fileName}`)});\n`;
}

function withChunks(code, places) {
  return code.replaceAll(/\brequire\("(\.[^"]+)"\)/g, (_, file) => {
    const at = places.get(file);
    if (at === undefined) throw new Error(`Expected ${file} to be a chunk`);
    return `chunk(${at})`;
  });
}

/** An export that never changes need not be asked for by a function. */
function withPlainExports(code) {
  return code.replaceAll(
    /Object\.defineProperty\(exports,"([\w$]+)",\{enumerable:!0,get:function\(\)\{return ([\w$]+)\}\}\)/g,
    (getter, name, variable) => (isSetAgain(variable, code) ? getter : `exports.${name}=${variable}`),
  );
}

function isSetAgain(variable, code) {
  const name = variable.replaceAll('$', '\\$');
  const settings = code.match(new RegExp(`(?<![\\w$.])${name}(?:=(?!=)|[-+*/|&?]+=|\\+\\+|--)`, 'g')) ?? [];
  const declarations = code.match(new RegExp(`(?:\\b(?:let|const|var) |,)${name}=(?!=)`, 'g')) ?? [];
  return settings.length > declarations.length;
}

/** The few letters beyond ASCII are in texts: escaped, V8 keeps the whole program in one byte a letter. */
function inAscii(code) {
  return code.replaceAll(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Lists the modules of each function: whoever looks into the program finds them by it. */
function modulesOf(chunks) {
  return `${JSON.stringify(chunks.map(({ moduleIds }) => moduleIds.map((id) => id.replace(/^.*[\\/]/, ''))))}\n`;
}
