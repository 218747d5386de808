import { fileURLToPath } from 'node:url';

/** Files of undici that the bundle has others for. */
const replaced = {
  '../llhttp/llhttp_simd-wasm.js': 'http-parser.cjs',
  './client-h2.js': 'left-out.cjs',
  './socks5-proxy-agent': 'left-out.cjs', // connections through such a proxy are made by the registry client itself
};

/**
 * What undici loads at the start, and here when it is first used. Node's HTTP gives it a limit, which every client of
 * ours is given, and the class of a body that none of ours is. A tree of a hundred names of headers, which takes a
 * millisecond to make, gives strings in lower case that can be had without it.
 */
const changed = {
  'undici/lib/dispatcher/client.js': [
    ["const http = require('node:http')\n", ''],
    [
      'http &&\n  http.maxHeaderSize &&\n  Number.isInteger(http.maxHeaderSize) &&\n  http.maxHeaderSize > 0\n  ?',
      'true ?',
    ],
    ['() => http.maxHeaderSize', "() => require('node:http').maxHeaderSize"],
  ],
  'undici/lib/core/util.js': [
    ["const { IncomingMessage } = require('node:http')\n", ''],
    ["const { stringify } = require('node:querystring')\n", ''],
    [' stringify(', " require('node:querystring').stringify("],
    ['.constructor === IncomingMessage', ".constructor.name === 'IncomingMessage'"],
    ["const { tree } = require('./tree')\n", ''],
    ['tree.lookup(value) ?? value.toString(', 'value.toString('],
    ['tree.lookup(value) ?? value.toString(', 'value.toString('],
  ],
  // Of the parser's constants only the first two tables are used.
  'undici/lib/llhttp/constants.js': [[/^exports\.FLAGS = \{[\s\S]*/m, '']],
};

/** Leaves out what a push does not need of undici, and loads other parts when they are first used. */
export function partsOfUndici() {
  return {
    name: 'parts-of-undici',
    resolveId(id) {
      return Object.hasOwn(replaced, id) ? fileURLToPath(new URL(replaced[id], import.meta.url)) : undefined;
    },
    transform(code, id) {
      const file = Object.keys(changed).find((name) => id.replaceAll('\\', '/').endsWith(`/${name}`));
      if (file === undefined) return undefined;
      let lazy = code;
      for (const [early, late] of changed[file]) {
        const other = lazy.replace(early, late);
        if (other === lazy) throw new Error(`Expected ${file} to have ${early}`);
        lazy = other;
      }
      return lazy;
    },
  };
}
