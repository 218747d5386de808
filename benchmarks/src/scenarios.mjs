const archive = 'docker-archive';
const layout = 'OCI layout';
const plainLayout = 'OCI layout, plain';

/**
 * What is measured. A scenario's README says why, and how to read its figures; `quick` names the cases of the quick
 * mode, and `needs` the programs without which the scenario is left out. A case has three runs unless it says `runs`.
 */
export const scenarios = [
  {
    name: 'cold',
    title: 'First push to an empty registry',
    cases: [
      { image: 'small', form: archive },
      { image: 'small', form: layout },
      { image: 'many', form: archive },
      { image: 'many', form: layout },
      { image: 'big', form: archive },
      { image: 'big', form: layout },
      { image: 'incompressible', form: archive },
      { image: 'platforms', form: layout },
    ],
    quick: [
      { image: 'small', form: archive },
      { image: 'several', form: layout },
      { image: 'medium', form: archive },
      { image: 'noise', form: archive },
    ],
  },
  {
    name: 'warm',
    title: 'The same push again',
    cases: [
      { image: 'many', form: archive, before: ['bench/app'] },
      { image: 'many', form: layout, before: ['bench/app'] },
    ],
    quick: [{ image: 'several', form: archive, before: ['bench/app'] }],
  },
  {
    name: 'several-tags',
    title: 'Five tags of one image',
    cases: [{ image: 'many', form: archive, tags: 5 }],
    quick: [{ image: 'several', form: archive, tags: 5 }],
  },
  {
    name: 'second-repository',
    title: 'A repository beside one that has the image',
    cases: [{ image: 'many', form: archive, before: ['bench/other'] }],
    quick: [],
  },
  {
    name: 'two-registries',
    title: 'Two registries at once',
    cases: [{ image: 'many', form: archive, registries: 2 }],
    quick: [],
  },
  {
    name: 'tls',
    title: 'A registry that speaks HTTPS',
    needs: ['openssl'],
    cases: [
      { image: 'many', form: archive, isSecure: true },
      { image: 'many', form: layout, isSecure: true },
      { image: 'big', form: layout, isSecure: true },
    ],
    quick: [{ image: 'several', form: layout, isSecure: true }],
  },
  {
    name: 'forms',
    title: 'Each form of layers',
    cases: forms('many', ['none', 'gzip', 'zstd', 'zstd:chunked', 'estargz']),
    quick: forms('several', ['zstd', 'zstd:chunked', 'estargz']),
  },
  {
    name: 'plain',
    title: 'Plain layers, sent as they are',
    cases: [{ image: 'big', form: plainLayout }],
    quick: [{ image: 'medium', form: plainLayout }],
  },
  {
    name: 'pull',
    title: 'A pull of what was pushed',
    needs: ['skopeo'],
    cases: [
      { image: 'many', form: archive, pull: true },
      { image: 'big', form: archive, pull: true },
      { image: 'many', form: archive, pull: true, compression: 'zstd', note: 'zstd' },
    ],
    quick: [{ image: 'medium', form: archive, pull: true }],
  },
  {
    name: 'latency',
    title: 'Time added to each request',
    cases: [20, 50].flatMap((latencyMs) =>
      [archive, layout].map((form) => ({ image: 'many', form, network: { latencyMs }, note: `${latencyMs} ms` })),
    ),
    quick: [{ image: 'several', form: layout, network: { latencyMs: 50 }, note: '50 ms' }],
  },
  {
    name: 'bandwidth',
    title: 'A slow line',
    cases: [10, 100].map((mbit) => ({
      image: mbit === 10 ? 'small' : 'many',
      form: archive,
      network: { bytesPerSecond: (mbit * 1e6) / 8 },
      note: `${mbit} Mbit/s`,
    })),
    quick: [],
  },
  {
    name: 'one-huge-layer',
    title: 'One layer of 3 GiB',
    cases: [{ image: 'huge', form: archive }],
    quick: [],
  },
  {
    name: 'cores',
    title: 'A program that is bound to one core or two',
    needs: ['taskset'],
    cases: [1, 2].flatMap((cores) => [
      onCores(cores, { image: 'many', form: archive }),
      onCores(cores, { image: 'big', form: archive }),
      onCores(cores, { image: 'many', form: layout }),
    ]),
    quick: [onCores(1, { image: 'medium', form: archive })],
  },
  {
    name: 'memory',
    title: 'Memory over the run',
    cases: [
      { image: 'big', form: archive, memory: true },
      { image: 'many', form: archive, memory: true },
      { image: 'layers', form: archive, memory: true, runs: 1 }, // of crane, one takes minutes
    ],
    quick: [{ image: 'several', form: archive, memory: true }],
  },
];

function onCores(cores, benchCase) {
  return { ...benchCase, cores, note: cores === 1 ? '1 core' : `${cores} cores` };
}

/** An archive of plain layers, pushed in each of these forms. */
function forms(image, compressions) {
  return compressions.map((compression) => ({ image, form: archive, compression, note: compression }));
}
