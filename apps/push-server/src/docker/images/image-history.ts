import type { InspectedImage } from '@slipway/image-store';

type Step = Readonly<Record<string, unknown>>;

/** The answer of `GET /images/{name}/history`: newest step first; a step that changed no file has no size. */
export function imageHistory(image: InspectedImage): readonly object[] {
  const steps = stepsOf(image);
  let layer = 0;
  const told = steps.map((step) => {
    const size = step['empty_layer'] === true ? 0 : (image.layers[layer++]?.size ?? 0);
    const created = Date.parse(textOf(step['created']));
    return {
      Id: '<missing>',
      Created: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
      CreatedBy: textOf(step['created_by']),
      Tags: null as readonly string[] | null,
      Size: size,
      Comment: textOf(step['comment']),
    };
  });
  const newest = told.reverse();
  const [top, ...others] = newest;
  if (top === undefined) return [];
  return [{ ...top, Id: image.id, Tags: image.tags.length === 0 ? null : image.tags }, ...others];
}

/** What the config says; of an image that does not, one step a layer. */
function stepsOf({ config, layers }: InspectedImage): readonly Step[] {
  const history = config?.['history'];
  const steps = Array.isArray(history)
    ? history.filter((step): step is Step => typeof step === 'object' && step !== null)
    : [];
  return steps.length > 0 ? steps : layers.map(() => ({}));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
