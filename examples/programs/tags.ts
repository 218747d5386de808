// The tags of a repository with their images, and the deletion of those that begin with `pr-`.
import { createClient } from '@slipway/client';

await using client = await createClient();
const repository = await client.repository(process.argv[2] ?? '127.0.0.1:5000/demo/app');
for await (const tag of repository.listTags()) {
  const image = await repository.getImage(tag);
  console.log(tag, image?.digest, image?.config.architecture, image?.config.config.Cmd);
  if (tag.startsWith('pr-')) await repository.deleteTag(tag);
}
