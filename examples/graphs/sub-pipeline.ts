/** A function makes the same stages twice, under two prefixes. */
import { fetcher, pipeline, route, saver } from 'leat';
import { ndjsonSink } from 'leat/files';
import { generate } from 'leat/memory';
import { Address, tidied } from './tidied.ts';

const addresses = fetcher('addresses', {
  source: generate(1_000, (id) => ({
    id,
    street: ` Street ${id} `,
    country: id % 3 === 0 ? 'at' : 'de',
  })),
  schema: Address,
});
const origin = route('origin', {
  from: addresses,
  to: ['home', 'abroad'],
  pick: ({ country }) => (country === 'at' ? 'home' : 'abroad'),
  otherwise: 'dead',
});
const home = tidied('home', origin.to.home);
const abroad = tidied('abroad', origin.to.abroad);

export default pipeline('sub-pipeline', {
  savers: [
    saver('domestic', { from: home, sink: ndjsonSink('out/sub-pipeline/home') }),
    saver('foreign', { from: abroad, sink: ndjsonSink('out/sub-pipeline/abroad') }),
  ],
});
