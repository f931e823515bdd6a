import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';

/** A package as `pnpm pack` made it. */
export interface Packed {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly tarball: string;
}

/**
 * A registry on loopback that has the packed packages, and sends the one who asks for another one to the registry
 * that is configured.
 */
export async function openRegistry(
  packed: readonly Packed[],
  upstream: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const documents = new Map<string, string>();
  const tarballs = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '/').slice(1);
    const document = documents.get(path);
    const tarball = tarballs.get(path);
    if (document !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(document);
    } else if (tarball !== undefined) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(tarball);
    } else {
      response.writeHead(307, { location: new URL(request.url ?? '/', upstream).href }).end();
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  for (const { manifest, tarball } of packed) {
    const data = await readFile(tarball);
    const { name, version } = manifest;
    const path = `${name}/-/${basename(tarball)}`;
    tarballs.set(path, data);
    const integrity = `sha512-${createHash('sha512').update(data).digest('base64')}`;
    const dist = { tarball: `${url}${path}`, integrity };
    documents.set(
      name,
      JSON.stringify({
        name,
        'dist-tags': { latest: version },
        versions: { [version]: { ...manifest, dist } },
      }),
    );
  }
  return {
    url,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
