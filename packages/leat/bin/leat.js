#!/usr/bin/env node
await import('@leat/cli/bin');
