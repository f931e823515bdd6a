import { storesContract } from '@leat/testing/contracts';
import { memoryStores } from './memory-stores.ts';

const stores = memoryStores();
storesContract('memory', () => ({ open: stores.open }));
