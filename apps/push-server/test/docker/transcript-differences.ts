/** Why the docker client prints something else of slipwayd; docs/slipwayd/docker.md tells of each by its name. */
export interface Difference {
  readonly name: string;
  readonly commands: RegExp;
  /** What the difference is in; without it, all that the command prints. */
  readonly within?: RegExp | undefined;
}

const size = /\b\d+(?:\.\d+)?(?:B|kB|MB)\b/g;

export const differences: readonly Difference[] = [
  { name: 'parts', commands: /^docker (?:version|info)$/ },
  { name: 'archive-errors', commands: /^docker load -i (?:text\.txt|cut\.tar)$/ },
  {
    name: 'sizes',
    commands: /^docker (?:images|system df|image prune|history|image inspect demo\/app:v1$)/,
    within: size,
  },
  { name: 'sizes', commands: /^docker history .*--human=false/, within: /(?<=\/ {2})\d+/g },
  { name: 'sizes', commands: /^docker image inspect demo\/app:v1$/, within: /"Size": \d+|"Name": "\w+"/g },
  { name: 'retries', commands: /^docker push 127\.0\.0\.1:1\// },
  { name: 'identity-token', commands: /^docker login closed\.registry /, within: /(?:^! ?.*\n?)+/gm },
  { name: 'labels', commands: /^docker events .*event=load$/, within: /, purpose=proof/g },
  { name: 'layouts', commands: /(?:layout\.tar|index\.tar|demo\/index:1)/ },
];
