// Prints the path of a nats-server of the version that is given, and gets it first if need be.
import { findNatsServer } from '@leat/nats-server';

const [version] = process.argv.slice(2);
const { path } = await findNatsServer({ version, log: console.error });
console.log(path);
