/** Where the commands of the transcript find what they are about. */
export interface Places {
  /** A registry that takes everything. */
  readonly open: string;
  /** One that asks `me` for `secret`, and lets nobody push to `not/mine`. */
  readonly closed: string;
}

/** One command of the docker client. */
export interface Step {
  readonly args: readonly string[];
  /** What it reads from standard input. */
  readonly input?: string | undefined;
  /** Leaves the values of a report out: they tell of the machine. */
  readonly isReport?: boolean | undefined;
  /** Its rows come in an order of chance: these images are of the same second. */
  readonly isList?: boolean | undefined;
}

/** Every command that slipwayd supports, as one session: what one leaves behind, the next one finds. */
export function stepsFor({ open, closed }: Places): readonly Step[] {
  const app = `${open}/demo/app`;
  const step = (line: string, more: Omit<Step, 'args'> = {}): Step => ({ args: line.split(' '), ...more });
  const list = { isList: true };
  return [
    step('version', { isReport: true }),
    step('version --format {{.Server.Os}}/{{.Server.Arch}}-{{.Server.APIVersion}}-{{.Server.MinAPIVersion}}'),
    step('info', { isReport: true }),
    step('images', list),
    step('load -i plain.tar'),
    step('load -i old.tar'),
    step('load -q -i plain.tar'),
    step('load -i gz.tar.gz'),
    step('load -i xz.tar.xz'),
    step('load -i zst.tar.zst'),
    step('load -i several.tar'),
    step('load -i unnamed.tar'),
    step('load -i text.txt'),
    step('load -i cut.tar'),
    step('load -i missing.tar'),
    step('images', list),
    step('images -a', list),
    step('images -q', list),
    step('images --no-trunc demo/app', list),
    step('images --digests demo/app', list),
    step('images --tree', list),
    step('images demo/app:v1'),
    step('images --filter reference=demo/*:v2'),
    step('images --filter dangling=true'),
    step('images --filter label=purpose=proof'),
    step('images --filter before=demo/several:b', list),
    step('images --filter since=demo/app:v1', list),
    step('images --filter nonsense=1'),
    step('images --format {{.Repository}}|{{.Tag}}|{{.ID}}|{{.Size}} demo/app'),
    step('images --format json demo/app:v1'),
    step('image inspect demo/app:v1'),
    step('inspect --type image --format {{.Id}}{{.Architecture}}{{.Os}}{{.RepoTags}}{{.Config.Cmd}} demo/app:v1'),
    step('image inspect --platform linux/amd64 --format {{.Architecture}} demo/app:v1'),
    step('image inspect --platform linux/arm64 --format {{.Architecture}} demo/app:v1'),
    step('image inspect --platform nonsense --format {{.Architecture}} demo/app:v1'),
    step('image inspect demo/none'),
    step('inspect demo/none'),
    step('history demo/app:v1'),
    step('history --no-trunc --human=false demo/app:v1'),
    step('history -q demo/app:v1'),
    step('history demo/none'),
    step(`tag demo/app:v1 ${app}:v1`),
    step(`tag demo/app:v1 ${app}:v2`),
    step('tag demo/none demo/other'),
    step('tag demo/app:v1 demo/UPPER'),
    step('tag demo/app:v1 demo/app@sha256:aaaa'),
    step(`push ${app}:v1`),
    step(`push ${app}:v1`),
    step(`push ${app}:v2`),
    step(`push -q ${app}:v2`),
    step(`push -a ${app}`),
    step(`push -a ${app}:v1`),
    step(`push --platform linux/amd64 ${app}:v1`),
    step(`push --platform linux/arm64 ${app}:v1`),
    step(`push ${open}/demo/none`),
    step(`push ${app}:none`),
    step(`push -a ${open}/demo/none`),
    step('push demo/app:v1 extra'),
    step(`tag demo/app:v1 127.0.0.1:1/demo/app:v1`),
    step('push 127.0.0.1:1/demo/app:v1'),
    step(`tag demo/app:v1 registry.invalid/demo/app:v1`),
    step('push registry.invalid/demo/app:v1'),
    step(`tag demo/app:v1 ${closed}/my/app:v1`),
    step(`tag demo/app:v1 ${closed}/not/mine:v1`),
    step(`push ${closed}/my/app:v1`),
    step(`login ${closed} -u me --password-stdin`, { input: 'wrong' }),
    step(`login 127.0.0.1:1 -u me --password-stdin`, { input: 'secret' }),
    step(`login ${closed} -u me --password-stdin`, { input: 'secret' }),
    step(`push ${closed}/my/app:v1`),
    step(`push ${closed}/not/mine:v1`),
    step(`logout ${closed}`),
    step(`logout ${closed}`),
    step(`push ${closed}/my/app:v1`),
    step(`images --digests ${app}`),
    step(`image inspect --format {{json .RepoDigests}} ${app}:v1`),
    step(`manifest inspect --insecure ${app}:v1`),
    step(`manifest inspect --insecure ${app}:none`),
    step('save -o saved.tar demo/app:v1'),
    step('load -i saved.tar'),
    step('save -o two.tar demo/app:v1 demo/several:b'),
    step('load -q -i two.tar'),
    step('save -o none.tar demo/none'),
    step('system df'),
    step('system df -v', list),
    step('rmi demo/gz:1'),
    step('rmi demo/gz:1'),
    step('rmi -f demo/gz:1'),
    step(`rmi ${app}:v2`),
    step('rmi demo/app:v1 demo/app:v2 demo/none'),
    step('rmi --no-prune demo/xz:1'),
    step('image prune -f'),
    step('image prune -a -f --filter label=purpose=none'),
    step('images --format {{.Repository}}:{{.Tag}}', list),
    step('events --since {start} --until {end} --format {{.Type}}|{{.Action}}'),
    step('image prune -a -f', list),
    step('events --since {start} --until {end} --filter event=prune --format {{.Type}}|{{.Action}}'),
    step('images', list),
    step('system df'),
    step(
      'events --since {start} --until {end} --filter event=push --format {{.Action}}|{{.Actor.ID}}|{{.Actor.Attributes}}',
    ),
    step('events --since {start} --until {end} --filter event=load'),
    step('events --since {start} --until {end} --filter event=save'),
    // What dockerd has another kind of store for.
    step('load -i layout.tar'),
    step('load -i index.tar'),
    step(`tag demo/index:1 ${open}/demo/index:1`),
    step(`push ${open}/demo/index:1`),
    step(`push --platform linux/arm64 ${open}/demo/index:1`),
    step('image inspect --platform linux/arm64 --format {{.Architecture}} demo/index:1'),
  ];
}
