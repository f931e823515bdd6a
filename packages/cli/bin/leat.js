#!/usr/bin/env node
// Stands beside the build, so that package managers can link it before anything is built.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  await (await import(main.href)).main(process.argv.slice(2));
} else {
  process.stderr.write('leat: not built yet: run "npx -y pnpm@12.21.0 build" first.\n');
  process.exitCode = 2;
}
