import { makePlainLayout } from './plain-layout.mjs';

/** What the programs are given to push: an image in one of the forms that the scenarios name. */
export function sourceOf(form, image) {
  const { archive, layout, name } = image;
  if (form === 'docker-archive') return { archive };
  if (form === 'OCI layout, plain') return { layout: makePlainLayout(image), isPlain: true };
  return { layout, isIndex: name === 'platforms' };
}
