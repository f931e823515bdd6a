#!/usr/bin/env node
// Stands beside the build, so that package managers can link it before anything is built.
import { main } from '../dist/main.js';

process.exitCode = await main(process.argv.slice(2));
