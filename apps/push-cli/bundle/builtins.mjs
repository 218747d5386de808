// How the bundle gets at Node's own modules. What the bundler writes loads each of them at the start, and copies what
// it has into an object of its own, name by name: a tenth of the start of a push.

/** Modules of Node that most runs do not need, by the variables they are in: each costs milliseconds. */
const later = {
  childProcess: 'child_process',
  node_child_process: 'child_process',
  node_diagnostics_channel: 'diagnostics_channel',
  node_dns_promises: 'dns/promises',
  node_http: 'http',
  node_https: 'https',
  node_net: 'net',
  node_readline_promises: 'readline/promises',
  node_string_decoder: 'string_decoder',
  node_tls: 'tls',
  node_url: 'url',
  node_v8: 'v8',
  node_vm: 'vm',
  node_worker_threads: 'worker_threads',
  node_zlib: 'zlib',
};

/** Loads Node's modules when they are first used, and makes no copies of them. */
export function leanBuiltins(code) {
  return loadLater(withoutCopies(withOwnClock(code)));
}

/** On Node 20, the first look at `performance` loads nine modules. */
function withOwnClock(code) {
  const now =
    'process.versions.bun===void 0?()=>{let[s,ns]=process.hrtime();return s*1e3+ns/1e6}:()=>performance.now()';
  return `const performanceNow=${now};${code.replaceAll(/\bperformance\.now\(\)/g, 'performanceNow()')}`;
}

/** A module of Node's is its own default export, so nothing has to be copied to give it one. */
function withoutCopies(code) {
  let lean = code;
  for (const [copy, variable] of code.matchAll(/\b(\w+)=__toESM\(\1,1\);?/g)) {
    if (!new RegExp(`\\b${variable}=require\\("(?:node:)?[a-z/_]+"\\)`).test(code)) continue;
    lean = lean.replace(copy, '').replaceAll(new RegExp(`\\b${variable}\\.default\\b`, 'g'), variable);
  }
  return lean;
}

function loadLater(code) {
  let lazy = code;
  for (const [variable, name] of Object.entries(later)) {
    const eager = `${variable}=require("node:${name}")`;
    if (!lazy.includes(eager)) throw new Error(`Expected the bundle to have ${eager}`);
    lazy = lazy.replace(eager, `${variable}=()=>require("node:${name}")`);
    lazy = lazy.replaceAll(new RegExp(`new ${variable}(\\.\\w+|\\[\\w+\\])`, 'g'), `new (${variable}()$1)`);
    lazy = lazy.replaceAll(new RegExp(`\\b${variable}(?=[.[])`, 'g'), `${variable}()`);
    const odd = new RegExp(`(new ${variable}\\b|\\b${variable}\\b(?!=\\(\\)=>|\\(\\)[.[])).{0,30}`).exec(lazy);
    if (odd !== null) throw new Error(`Cannot load node:${name} later, as it is used in ${odd[0]}`);
  }
  return lazy;
}
