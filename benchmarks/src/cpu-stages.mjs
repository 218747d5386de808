// What the CPU works at, each with the functions that are its own: the first that fits counts.

/** A sample of the kernel is told by all the functions of the kernel that have called one another. */
const kernelStages = [
  ['kernel: page faults', /^(?:asm_)?exc_page_fault$/],
  [
    'kernel: sockets',
    /^(?:sock_|splice_|tcp_|inet_|ip_|ipv4_|net_rx_|__?sys_(?:sendto|recvfrom|connect|socket|accept4?)$)/,
  ],
  [
    'kernel: files',
    /^(?:ext4_|filemap_|generic_perform_write|do_filp_open|do_sys_open|vfs_(?!read|write)|blk_|__fput)/,
  ],
  [
    'kernel: waiting, waking, interrupts',
    /futex|epoll|^schedule$|eventfd|sched_yield|nanosleep|pipe|^asm_(?:sysvec|common_int)/,
  ],
  ['kernel: memory maps', /m(?:un)?map|mprotect|madvise|_brk$|exit_mm/],
  ['kernel: the rest', /./],
];

/** V8's functions that begin with one of these names. */
const v8 = (...names) => new RegExp(`^v8::internal::(?:\\(anonymous namespace\\)::)?(?:${names.join('|')})`);
/** Those of Go's runtime, or of a type of it. */
const go = (...names) => new RegExp(`^runtime\\.(?:\\(\\*)?(?:${names.join('|')})`);

const program = 'the program: JavaScript, Go';
const runtime = 'runtime: Node, libuv, Go, C';
const allocation = 'allocation, garbage collection';

/** Any other sample is told by the function it was taken in. */
const programStages = [
  ['inflate', /flate\.\(?\*?(?:decompressor|dictDecoder|huffmanDecoder|fixedHuffman)|^inflate|^Cr_z_inflate/],
  ['deflate', /compress\/(?:flate|gzip|zlib)\.|pgzip\.|deflate/],
  ['sha256', /sha256|SHA256/],
  ['CRC-32', /crc32|crc_/],
  ['copying and clearing memory', /mem(?:ory_)?(?:move|cpy|set|copy|fill|clr)/],
  [
    allocation,
    v8(
      ...['Scaveng', 'Heap', 'Mark', 'MainMark', 'ConcurrentMark', 'Sweep', 'PagedSpace', 'Evacuat', 'BodyDescriptor'],
      ...['SemiSpace', 'NewSpace', 'Free', 'Space', 'MemoryChunk', 'LocalHeap', 'AllocateRaw', 'Slot', 'Root', 'GC'],
      ...['.*Visitor', '.*Collector', '.*Worklist', '.*WriteBarrier', '(?:Iterate|Combined)', 'Factory.*::Allocate'],
    ),
  ],
  [
    allocation,
    go(
      ...['gc', 'malloc', 'm(?:span|heap|central|cache)', 'scan', 'grey', 'sweep', 'newobject', 'makeslice', 'wb'],
      ...['bulkBarrier', 'growslice', 'tryDefer', 'span', 'findObject', 'typePointers', 'bg', 'heap', 'mark', 'page'],
      ...['scav', 'fixalloc', 'SetFinalizer'],
    ),
  ],
  [
    allocation,
    /^(?:_int_)?(?:malloc|c?free|calloc|realloc)|^operator (?:new|delete)|MemoryChunk|^internal\/runtime\/gc/,
  ],
  [
    "the measurement's own",
    v8('.*Logger', 'Log\\b', 'CalculateLineEnds', 'Script::GetPosition', '.*DebugName', 'String::ToCString'),
  ],
  [program, v8('Value(?:Des|S)erializer', 'JsonParser', 'JsonStringifier')],
  [
    'compiling',
    v8(
      ...['compiler', 'maglev', 'baseline', 'interpreter', 'wasm::', '.*Pars', 'Scanner', '.*Stream', 'Ast', '.*Scope'],
      ...['.*erializ', 'Code', 'StringTable', '.*Assembler', 'Compil', 'Optimiz', 'Zone', 'Bytecode', 'RegExp', 'Perf'],
      ...['FuncName', 'SharedFunctionInfo', 'FunctionLiteral', 'Tiering', 'SnapshotByte', '.*Expression', 'Register'],
      ...['.*LiveRange', 'IdentityMap', 'FeedbackMetadata', 'Variable', 'Declar', 'Reloc'],
    ),
  ],
  ['compiling', /v8::internal::(?:compiler|Ast|wasm|interpreter|Zone|Scanner|Parser|Declaration|Variable|FuncName)/],
  // V8 does for the program what its code does not do itself. It gives no names to its own code without a flag.
  [program, /^Builtins_|v8::|^unknown in .*(?:\.map|sqlite)/],
  [runtime, /^(?:runtime[./]|internal\/runtime|memeqbody|aeshashbody|indexbytebody|cmpbody)/],
];

export const stageNames = [...new Set([...programStages, [runtime], ...kernelStages].map(([name]) => name))];

/**
 * The stage of a sample. WebAssembly is the encoder where Slipway `compresses`, and next to nothing but the parser of
 * HTTP where it sends what it has.
 *
 * @param functions the kernel's functions from the innermost one outwards; of any other sample the innermost alone
 */
export function stageOf({ isKernel, isGo, functions }, { compresses }) {
  if (isKernel) return kernelStages.find(([, pattern]) => functions.some((name) => pattern.test(name)))[0];
  const [name] = functions;
  if (/^(?:JS|RegExp):/.test(name)) return compresses && name.startsWith('JS:wasm-function') ? 'deflate' : program;
  const [stage] = programStages.find(([, pattern]) => pattern.test(name)) ?? [isGo ? program : runtime];
  return stage;
}
