import type { StoredImage } from '@slipway/image-store';
import { isVersionBelow } from '../system/api-version.ts';

/** One image of `GET /images/json`. */
export function imageSummary(image: StoredImage, apiVersion: string, sharedSize: number): object {
  const { id, size, labels } = image;
  const hasNames = image.tags.length + image.digests.length > 0;
  const isOld = isVersionBelow(apiVersion, '1.43');
  return {
    Containers: isVersionBelow(apiVersion, '1.51') ? -1 : 0,
    Created: createdSeconds(image),
    Id: id,
    Labels: Object.keys(labels).length === 0 ? null : labels,
    ParentId: '',
    RepoDigests: isOld && !hasNames ? ['<none>@<none>'] : image.digests,
    RepoTags: isOld && !hasNames ? ['<none>:<none>'] : image.tags,
    SharedSize: sharedSize,
    Size: size,
    ...(isVersionBelow(apiVersion, '1.44') && { VirtualSize: size }),
  };
}

/** Seconds since 1970; 0 when the image does not say. */
export function createdSeconds({ created }: Pick<StoredImage, 'created'>): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000);
}
