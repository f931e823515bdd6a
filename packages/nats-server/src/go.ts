import { join } from 'node:path';
import { BINARY_NAME } from './binary.ts';
import { runCommand } from './run-command.ts';
import type { RungRequest } from './rung.ts';

const MODULE = 'github.com/nats-io/nats-server/v2';

/** Builds the server from its Go module, which Go's checksum database vouches for. */
export async function buildWithGo(request: RungRequest): Promise<string> {
  const { staging, version, signal, log } = request;
  const env: NodeJS.ProcessEnv = { ...request.env, GOBIN: staging, CGO_ENABLED: '0' };
  // `go install` refuses GOBIN when it is told to build for another platform.
  delete env['GOOS'];
  delete env['GOARCH'];
  const module = `${MODULE}@v${version}`;
  // The quick question first: a build may take minutes, a network that swallows packets may not.
  const options = { cwd: staging, env, signal };
  await runCommand('go', ['list', '-m', module], { ...options, timeoutMs: 20_000 });
  log(`building nats-server ${version} with go, which takes about a minute`);
  await runCommand('go', ['install', module], { ...options, timeoutMs: 600_000 });
  return join(staging, BINARY_NAME);
}
