import { digestBytes } from '@slipway/digest';
import { tarSum } from '@slipway/digest/tarsum';
import { verifyJSON } from '@slipway/manifest/schema1';
import { type LegacyAnswer, type LegacyRegistry, type LegacyRequest, startLegacyServer } from './legacy-server.ts';

/**
 * Starts a v2 registry as it was in 2015: blobs are named by TarSum or digest and checked against it; a manifest is
 * taken only when it is signed, says its own name and tag, and names nothing that is missing.
 */
export async function startGraphRegistry(): Promise<LegacyRegistry> {
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, Uint8Array>();
  let uploads = 0;

  return await startLegacyServer(async (request): Promise<LegacyAnswer> => {
    const { method, path } = request;
    if (path === '/v2/')
      return { status: 200, headers: { 'Docker-Distribution-Api-Version': 'registry/2.0' }, body: '{}' };
    const [, name = '', kind, target = ''] = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests)\/([^/]*)$/.exec(path) ?? [];
    if (kind === 'blobs/uploads' && method === 'POST') {
      uploads += 1;
      return { status: 202, headers: { Location: `/v2/${name}/blobs/uploads/upload-${uploads}?state=s${uploads}` } };
    }
    if (kind === 'blobs/uploads' && method === 'PUT') return await putBlob(blobs, request, name);
    if (kind === 'blobs') return found(blobs.get(`${name}@${target}`));
    if (kind === 'manifests' && method === 'PUT')
      return await putManifest(blobs, manifests, request, { name, tag: target });
    if (kind === 'manifests') return found(manifests.get(`${name}:${target}`));
    return { status: 404 };
  });
}

function found(bytes: Uint8Array | undefined): LegacyAnswer {
  return bytes === undefined
    ? { status: 404 }
    : { status: 200, headers: { 'Content-Length': String(bytes.byteLength) }, body: bytes };
}

async function putBlob(
  blobs: Map<string, Uint8Array>,
  { query, body }: LegacyRequest,
  name: string,
): Promise<LegacyAnswer> {
  const claimed = query.get('digest') ?? '';
  if (query.get('state') === null) return refused('BLOB_UPLOAD_INVALID');
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield body;
  };
  const actual = claimed.startsWith('tarsum.v1+') ? await tarSum(bytes(), '1') : digestBytes(body);
  if (actual !== claimed) return refused('DIGEST_INVALID');
  blobs.set(`${name}@${claimed}`, body);
  return { status: 201 };
}

async function putManifest(
  blobs: ReadonlyMap<string, Uint8Array>,
  manifests: Map<string, Uint8Array>,
  { body }: LegacyRequest,
  { name, tag }: { readonly name: string; readonly tag: string },
): Promise<LegacyAnswer> {
  const signed = await verifyJSON(body).catch(() => undefined);
  if (signed === undefined) return refused('MANIFEST_UNVERIFIED');
  const manifest = JSON.parse(new TextDecoder().decode(signed.payload)) as {
    readonly name?: string;
    readonly tag?: string;
    readonly fsLayers?: readonly { readonly blobSum: string }[];
  };
  if (manifest.name !== name) return refused('NAME_INVALID');
  if (manifest.tag !== tag) return refused('TAG_INVALID');
  const layers = manifest.fsLayers ?? [];
  if (layers.length === 0 || layers.some(({ blobSum }) => !blobs.has(`${name}@${blobSum}`)))
    return refused('BLOB_UNKNOWN');
  manifests.set(`${name}:${tag}`, body);
  return { status: 202 };
}

function refused(code: string): LegacyAnswer {
  return { status: 400, body: JSON.stringify({ errors: [{ code, message: code.toLowerCase(), detail: {} }] }) };
}
