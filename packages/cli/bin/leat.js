#!/usr/bin/env node
// Stands beside the build, so that package managers can link it before anything is built.
const built = await import('../dist/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  process.stderr.write('leat: not built yet: run "npx pnpm@12 build" first.\n');
  process.exitCode = 2;
});
await built?.main(process.argv.slice(2));
