import { claimContract, fenceContract, sinkContract, sourceContract } from 'leat/testing/contracts';
import { days } from './days.ts';
import { memorySink } from './memory-sink.ts';

sourceContract('days', { make: () => days(2028) });

const sink = memorySink();
sinkContract('memory', () => ({ sink }));
fenceContract('memory', () => ({ sink }));
claimContract('memory', () => ({ sink }));
