// How the bundle gets at Node's own modules. What the bundler writes loads each of them at the start, and copies what
// it has into an object of its own, name by name: a tenth of the start of a push.

/** Modules of Node that most runs do not need: each costs milliseconds. */
const later = new Set([
  'child_process',
  'diagnostics_channel',
  'dns/promises',
  'http',
  'https',
  'net',
  'readline/promises',
  'string_decoder',
  'tls',
  'url',
  'v8',
  'vm',
  'worker_threads',
  'zlib',
]);

/** How the program tells the time: on Node 20, the first look at `performance` loads nine modules. */
export const performanceNow =
  'const performanceNow=process.versions.bun===void 0?' +
  '()=>{let[s,ns]=process.hrtime();return s*1e3+ns/1e6}:()=>performance.now();\n';

/** Has the chunks of a program load Node's modules when they are first used, and make no copies of them. */
export function leanBuiltins(chunks) {
  const used = new Set();
  const lean = chunks.map((code) => {
    const clocked = code.replaceAll(/\bperformance\.now\(\)/g, 'performanceNow()');
    return loadLater(withoutCopies(clocked), used);
  });
  const unused = [...later].filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`Expected the bundle to load ${unused.join(', ')}`);
  return lean;
}

/** A module of Node's is its own default export, so nothing has to be copied to give it one. */
function withoutCopies(code) {
  let lean = code;
  for (const [copy, variable] of code.matchAll(/\b([\w$]+)=(?:[\w$]+\.)?__toESM\(\1,1\)[;,]?/g)) {
    const name = variable.replaceAll('$', '\\$');
    if (!new RegExp(`\\b${name}=require\\("(?:node:)?[\\w/]+"\\)`).test(code)) continue;
    lean = lean.replace(copy, '').replaceAll(new RegExp(`${notWithin}${name}\\.default\\b`, 'g'), variable);
  }
  return lean;
}

/** What a name stands after: no other name's end, and no point but that of `...`. */
const notWithin = '(?<![\\w$]|(?<!\\.\\.)\\.)';

function loadLater(code, used) {
  let lazy = code;
  for (const [eager, variable, name] of code.matchAll(/\b(childProcess|node_[\w$]+)=require\("node:([\w/]+)"\)/g)) {
    if (!later.has(name)) continue;
    used.add(name);
    const word = `${notWithin}${variable.replaceAll('$', '\\$')}`;
    lazy = lazy.replace(eager, `${variable}=()=>require("node:${name}")`);
    lazy = lazy.replaceAll(new RegExp(`new ${word}(\\.\\w+|\\[\\w+\\])`, 'g'), `new (${variable}()$1)`);
    lazy = lazy.replaceAll(new RegExp(`${word}(?=[.[])`, 'g'), `${variable}()`);
    const odd = new RegExp(`(new ${word}\\b|${word}\\b(?!=\\(\\)=>|\\(\\)[.[])).{0,30}`).exec(lazy);
    if (odd !== null) throw new Error(`Cannot load node:${name} later, as it is used in ${odd[0]}`);
  }
  return lazy;
}
