/** Where `docker` asks for what slipwayd does not do, and what the user typed. */
const commands: readonly (readonly [method: RegExp, path: RegExp, command: string])[] = [
  [/POST/, /^\/images\/create$/, 'docker pull'],
  [/GET/, /^\/images\/search$/, 'docker search'],
  [/GET/, /^\/distribution\//, 'docker manifest'],
  [/POST/, /^\/(?:build|session|grpc)(?:\/|$)/, 'docker build'],
  [/POST/, /^\/commit$/, 'docker commit'],
  [/POST/, /^\/containers\/create$/, 'docker run'],
  [/GET/, /^\/containers\/json$/, 'docker ps'],
  [/POST|DELETE|HEAD|PUT/, /^\/(?:containers|exec)(?:\/|$)/, 'docker container'],
  [/GET/, /^\/containers\/.+\/(?:logs|top|stats|changes|export|archive)$/, 'docker container'],
  [/.*/, /^\/networks(?:\/(?:create|prune))?$/, 'docker network'],
  [/.*/, /^\/volumes(?:\/(?:create|prune))?$/, 'docker volume'],
  [/.*/, /^\/plugins(?:\/(?:pull|create|privileges))?$/, 'docker plugin'],
  [/.*/, /^\/swarm(?:\/|$)/, 'docker swarm'],
  [/.*/, /^\/(?:services|nodes|tasks|secrets|configs)(?:\/create)?$/, 'docker swarm'],
];

/** Kinds of things that `docker inspect` looks for in turn; it goes on where there is none. */
const absent = /^\/(containers|networks|volumes|plugins|services|nodes|tasks|secrets|configs)\/(.+?)(?:\/json)?$/;

/** What is answered to a request that no route is for: its status, and a sentence. */
export function answerToUnsupported(
  method: string,
  url: string,
): { readonly status: number; readonly message: string } {
  const path = url.split('?', 1)[0] ?? '';
  const [, , command] = commands.find(([methods, paths]) => methods.test(method) && paths.test(path)) ?? [];
  if (command !== undefined) {
    const message = `slipwayd loads, tags and pushes images and runs nothing: "${command}" is not served here`;
    return { status: 501, message };
  }
  const [, kinds = '', name = ''] = method === 'GET' ? (absent.exec(path) ?? []) : [];
  if (kinds !== '') return { status: 404, message: `No such ${kinds.replace(/s$/, '')}: ${decoded(name)}` };
  return { status: 404, message: 'page not found' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
